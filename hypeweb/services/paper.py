"""A report for a paper: its table in LaTeX, its methods in words, what they cite.

All of it is made from the report alone, so that a published version has its own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from hypeweb.models import Study
from hypeweb.models.studies import ANSWER_S
from hypeweb.services import references
from hypeweb.services.references import cite
from hypeweb.services.report_columns import Column
from hypeweb.services.reports import Cell, Report, Row
from hypeweb.services.studies import pay_text, preset_of, rule_of

ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "“": "``",
    "”": "''",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{MINUS SIGN}": "$-$",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
ARROWS = {"up": r" $\uparrow$", "down": r" $\downarrow$", "": ""}
LABELS = {
    "HYPE_inf": r"HYPE$_{\infty}$",
    "HYPE_time": r"HYPE$_{\mathrm{time}}$",
    "d'": "$d'$",
}
# Which publication a metric of the report comes from, and in which words.
METRIC_SOURCES = {
    "fid": ("the Fréchet Inception Distance (FID)", ("heusel2017", "dowson1982")),
    "inception_score_mean": ("the Inception Score", ("salimans2016",)),
    "precision": ("improved precision", ("kynkaanniemi2019",)),
    "recall": ("improved recall", ("kynkaanniemi2019",)),
}


@dataclass(frozen=True)
class Said:
    """One statement on the methods, and the publications it rests on."""

    text: str
    keys: tuple[str, ...] = ()


def for_page(report: Report) -> list[tuple[str, str, str]]:
    """Return each text with its form and its title, as the page shows them."""
    return [
        ("txt", "Methods, in words", methods_text(report)),
        ("tex", "Table, in LaTeX", latex_table(report)),
        ("bib", "References, in BibTeX", bibtex(report)),
    ]


def latex_table(report: Report) -> str:
    """Return the report's table for a paper that loads booktabs."""
    n_people = sum(column.group == "people" for column in report.columns)
    n_metrics = len(report.columns) - n_people
    who = "People" if report.population == "people" else "Simulated evaluators"
    groups = (
        f"& \\multicolumn{{{n_people + 1}}}{{c}}{{{who}}} & "
        f"\\multicolumn{{{n_metrics}}}{{c}}{{Automated metrics}} \\\\"
    )
    rules = (
        f"\\cmidrule(lr){{2-{n_people + 2}}} "
        f"\\cmidrule(lr){{{n_people + 3}-{len(report.columns) + 2}}}"
    )
    lines = [
        "% Needs \\usepackage{booktabs}.",
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{_caption(report)}}}",
        f"  \\label{{tab:{re.sub('[^a-z0-9-]', '-', report.study.slug)}}}",
        f"  \\begin{{tabular}}{{l{'r' * (len(report.columns) + 1)}}}",
        r"    \toprule",
        f"    {groups}",
        f"    {rules}",
        f"    {_headings(report.columns, n_people)} \\\\",
        r"    \midrule",
        *(line for row in report.rows for line in _rows(row, n_people)),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def methods_text(report: Report) -> str:
    """Return how the study was done, in plain English, with what it cites."""
    return " ".join(said.text for said in _methods(report)) + "\n"


def bibtex(report: Report) -> str:
    """Return the publications that the methods cite, and no other."""
    return references.bibtex(key for said in _methods(report) for key in said.keys)


def escape(text: str) -> str:
    """Return a text as LaTeX prints it."""
    return "".join(ESCAPES.get(letter, letter) for letter in text)


def _caption(report: Report) -> str:
    name = escape(report.study.name)
    first = (
        f"{name}: judgments and automated metrics of the same images, best in bold, "
        "95\\,\\% intervals below."
    )
    told = [first]
    if report.population == "simulated":
        told.append("All evaluators are simulated.")
    if report.exclusions == "applied":
        told.append(escape(_left_out(report)))
    if not any(row.n_evaluators for row in report.rows):
        told.append("There are no evaluators yet.")
    return " ".join(told)


def _headings(columns: Sequence[Column], n_people: int) -> str:
    names = [_heading(column) for column in columns]
    names.insert(n_people, "Evaluators")
    return " & ".join(["Arm", *names])


def _heading(column: Column) -> str:
    label = LABELS.get(column.label, escape(column.label))
    unit = f" ({escape(column.unit)})" if column.unit else ""
    return f"{label}{unit}{ARROWS[column.direction]}"


def _rows(row: Row, n_people: int) -> tuple[str, str]:
    values = [_value(cell) for cell in row.cells]
    values.insert(n_people, str(row.n_evaluators))
    intervals = [_interval(cell) for cell in row.cells]
    intervals.insert(n_people, "")
    return (
        f"    {' & '.join([_name(row), *values])} \\\\",
        f"    {' & '.join(['', *intervals])} \\\\",
    )


def _name(row: Row) -> str:
    text = escape(row.arm_label)
    # What ends a row would take a bracket or a star for its own.
    return f"{{{text}}}" if text.startswith(("[", "*")) else text


def _value(cell: Cell) -> str:
    text = escape(cell.text)
    if cell.value is None:
        return f"\\textit{{{text}}}"
    return f"\\textbf{{{text}}}" if cell.is_best else text


def _interval(cell: Cell) -> str:
    # A bracket after \\ would be taken for its argument.
    return (
        f"{{\\scriptsize {escape(cell.interval_text)}}}" if cell.interval_text else ""
    )


def _methods(report: Report) -> list[Said]:
    study = report.study
    return [
        _protocol(study),
        *([_staircase(study)] if study.is_timed else []),
        *_conduct(report),
        *_scores(report),
        *_comparisons(report),
        *_metrics(report),
    ]


def _protocol(study: Study) -> Said:
    what = "HYPE_time" if study.is_timed else "HYPE_inf"
    task = (
        f"each evaluator judged {study.n_blocks} blocks of {study.images_per_block} "
        "images, half of them real, each shown for a limited time and followed by "
        f"{study.n_masks} masks of {study.mask_ms} ms"
        if study.is_timed
        else f"each evaluator judged {study.n_real} real and {study.n_fake} generated "
        f"images, one at a time and {_look(study)}"
    )
    feedback = "told" if study.feedback else "not told"
    who = (
        "Each evaluator judged every model so, in orders balanced over evaluators "
        f"{cite('williams1949')}."
        if study.is_within
        else "Each evaluator judged one model."
    )
    return Said(
        f"Realism was measured with {what} {cite('zhou2019hype')}: {task}, and said "
        f"whether it was real or generated (“{study.question}”). They were {feedback} "
        f"after each answer whether it was right. {who}",
        ("zhou2019hype", *(("williams1949",) if study.is_within else ())),
    )


def _look(study: Study) -> str:
    if study.look_limit_s is None:
        return "without a time limit"
    return (
        f"each for at most {study.look_limit_s} s (answers that came more than "
        f"{ANSWER_S} s after that were repeated with another image)"
    )


def _staircase(study: Study) -> Said:
    rule = rule_of(study)
    sources = ("levitt1971", "kaernbach1991")
    return Said(
        f"The exposure followed an adaptive staircase {cite(*sources)}, preset "
        f"{preset_of(study)}: it began at {rule.start_ms} ms, became "
        f"{rule.step_down_ms} ms shorter after {rule.n_correct_to_descend} right "
        f"answers in a row and {rule.step_up_ms} ms longer after "
        f"{_times(rule.n_wrong_to_ascend)}, within {rule.min_ms} to {rule.max_ms} ms, "
        f"which settles at {rule.convergence_point():.1%} correct. Exposures were "
        "measured in the browser; answers to images that were not shown as planned "
        "were left out.",
        sources,
    )


def _times(n_wrong: int) -> str:
    return "each wrong one" if n_wrong == 1 else f"{n_wrong} wrong ones in a row"


def _conduct(report: Report) -> list[Said]:
    study = report.study
    people = [row.n_evaluators for row in report.rows]
    # Within subjects everybody judged every arm.
    n_people = max(people) if study.is_within else sum(people)
    n_answers = sum(row.n_judgments for row in report.rows)
    who = (
        "simulated evaluators (no people)"
        if report.population == "simulated"
        else "evaluators"
    )
    arms = len(report.rows)
    counted = (
        f"{n_people} {who} gave {n_answers} answers that count, on {arms} "
        f"generated set{'s' * (arms != 1)}."
    )
    told = [counted]
    if study.asks_qualification:
        told.append(
            f"They first passed a qualification on {study.qualification_n_real} other "
            f"real and {study.qualification_n_fake} generated images, with at least "
            f"{study.qualification_reals_percent} % of the real and "
            f"{study.qualification_fakes_percent} % of the generated ones right, in at "
            f"most {study.qualification_max_attempts} attempts."
        )
    if study.gold_percent:
        n_gold = study.n_gold * (len(report.rows) if study.is_within else 1)
        told.append(
            f"{n_gold} attention checks per evaluator were mixed in and never scored."
        )
    if study.is_timed or study.look_limit_s is not None:
        told.append(
            "Sessions in which fewer than "
            f"{study.min_valid_percent} % of the answers of a block were valid were "
            "not scored."
        )
    told.append(_left_out(report) if report.excluded.n_sessions else "")
    told.append(
        f"Pay: {pay_text(study)}." if study.is_paid else "Nobody was paid to take part."
    )
    return [Said(text) for text in told if text]


def _left_out(report: Report) -> str:
    found = report.excluded
    rules = [
        f"{line.text} ({line.n_sessions})" for line in found.lines if line.excludes
    ]
    if not rules:
        return "No rule left a session out."
    was = "were" if found.is_applied else "would have been, and were not,"
    return (
        f"By rules fixed before the study opened, {found.n_left_out} of "
        f"{found.n_sessions} finished sessions {was} left out: {'; '.join(rules)}."
    )


def _scores(report: Report) -> list[Said]:
    if report.study.is_timed:
        return [
            Said(
                "HYPE_time is the most frequent exposure of each block, averaged over "
                "blocks and evaluators. The threshold is the exposure at which a "
                "typical evaluator is 75 % correct, from a psychometric function "
                f"fitted to the exposures shown {cite('wichmann2001', 'schuett2016')}.",
                ("wichmann2001", "schuett2016"),
            ),
            Said(
                "95 % intervals are percentiles of a bootstrap over evaluators "
                f"{cite('efron1993')}; that of the threshold is of the posterior of a "
                "mean over evaluators with random effects, to which those beyond a "
                "limit of the exposures count as beyond it.",
                ("efron1993",),
            ),
        ]
    return [
        Said(
            "HYPE_inf is the mean of the error rates on generated and on real images; "
            f"50 % is chance. Sensitivity d' {cite('macmillan2005')} uses the "
            f"log-linear correction {cite('hautus1995')}.",
            ("macmillan2005", "hautus1995"),
        ),
        Said(
            "95 % intervals are percentiles of a bootstrap over evaluators "
            f"{cite('efron1993')}; those of error rates over images too where "
            f"evaluators shared them {cite('owen2007')}, with deviations rescaled to "
            f"the variance clustered both ways {cite('cameron2011')}.",
            ("efron1993", "owen2007", "cameron2011"),
        ),
    ]


def _comparisons(report: Report) -> list[Said]:
    found = []
    if report.comparison and report.comparison.pairs:
        found.append(
            _compared_within(report.comparison.adjustment)
            if report.study.is_within
            else _compared_between(report.comparison.adjustment)
        )
    if report.watch:
        found.append(
            Said(
                "The study was watched while it ran with confidence sequences "
                f"{cite('waudbysmith2024')}, which hold whenever one looks and stops.",
                ("waudbysmith2024",),
            )
        )
    return found


def _compared_within(adjustment: str) -> Said:
    keys = ("holm1979",) if adjustment.startswith("Holm") else ()
    source = f" {cite(*keys)}" if keys else ""
    return Said(
        "Arms were compared within evaluators, by paired t-tests on their scores, p "
        f"adjusted thus{source}: {adjustment} Intervals of differences are paired and "
        "not adjusted.",
        keys,
    )


def _compared_between(adjustment: str) -> Said:
    keys = ("tukey1949",) if adjustment.startswith("Tukey") else ()
    how = f"p by {adjustment[:-1]} {cite(*keys)}" if keys else "by Welch's t-test"
    return Said(
        f"Arms were compared on one score per evaluator, {how}. Intervals of "
        f"differences are Welch's {cite('welch1947')} and not adjusted.",
        ("welch1947", *keys),
    )


def _metrics(report: Report) -> list[Said]:
    measured = {
        cell.key for row in report.rows for cell in row.cells if cell.value is not None
    }
    used = [
        (key, *METRIC_SOURCES[key])
        for key in (column.key for column in report.columns)
        if key in measured and key in METRIC_SOURCES
    ]
    if not used:
        return [Said("Automated metrics were not computed.")]
    named = [f"{words} {cite(*keys)}" for _, words, keys in used]
    keys = tuple(key for _, _, cited in used for key in cited)
    return [
        Said(
            f"On the same images we computed {_listed(named)}{_conventions(report)}",
            keys,
        )
    ]


def _conventions(report: Report) -> str:
    """Return with which network, resize and precision, where all arms agree."""
    told = {
        name: {str(row.provenance.get(name)) for row in report.rows if row.provenance}
        for name in ("extractor", "resize", "precision")
    }
    parts = [f"features of {report.study.extractor}"]
    parts += [
        f"{name} {next(iter(values))}"
        for name, values in told.items()
        if name != "extractor" and len(values) == 1 and values != {"None"}
    ]
    counts = sorted({row.sample_set.n_samples for row in report.rows})
    n_real = report.study.real_set.n_samples
    n_made = " to ".join(dict.fromkeys([str(counts[0]), str(counts[-1])]))
    return (
        f", with {', '.join(parts)}, on {n_real} real and {n_made} generated images, "
        "with 95 % intervals over images."
    )


def _listed(parts: Sequence[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    return f"{', '.join(parts[:-1])} and {parts[-1]}"
