import json
import re

import pytest
from django.utils import timezone

from hypeweb.models import Arm, Study
from hypeweb.services import (
    agreement,
    evaluations,
    paper,
    references,
    report_formats,
    reports,
    scores,
)
from tests import factories
from tests.factories import NOW, join, walk

pytestmark = pytest.mark.django_db


@pytest.fixture
def scored(study):
    for evaluation in evaluations.request_evaluations(study):
        evaluations.run_evaluation(evaluation.pk)
    for answers in ("rrrr", "wwrr", "rrrw", "wwww"):
        walk(join(study), answers)
    scores.score_study(study.pk, now=NOW)
    agreement.relate_study(study.pk, now=timezone.now())
    return study


def keys_of(text):
    return re.findall(r"^@\w+\{(\w+),$", text, flags=re.MULTILINE)


def cells_of(line):
    """Return the cells of a line of a LaTeX table without what dresses them."""
    plain = re.sub(r"\\(textbf|textit|scriptsize)\b|[{}]", "", line.removesuffix(r"\\"))
    return [cell.strip() for cell in plain.split("&")]


def test_the_table_prints_the_reports_strings(scored):
    report = reports.build_report(scored)
    lines = paper.latex_table(report).splitlines()
    start = lines.index(r"    \midrule") + 1
    body = [cells_of(line.strip()) for line in lines[start : start + 4]]
    for place, row in enumerate(report.rows):
        values, intervals = body[2 * place], body[2 * place + 1]
        texts = [cell.text for cell in row.cells]
        texts.insert(4, str(row.n_evaluators))
        assert values == [row.arm_label, *texts]
        shown = [cell.interval_text for cell in row.cells]
        shown.insert(4, "")
        assert [one.replace("$\\geq$", "≥") for one in intervals] == ["", *shown]
    n_best = sum(cell.is_best for row in report.rows for cell in row.cells)
    assert "\n".join(lines).count(r"\textbf") == n_best > 0


def test_page_json_csv_and_latex_have_one_set_of_strings(scored):
    report = reports.build_report(scored)
    data = json.loads(json.dumps(report_formats.as_json(report)))
    table = paper.latex_table(report)
    text = report_formats.as_text(report)
    heading, *rows = report_formats.as_csv_rows(report)
    for row, csv_row, arm in zip(report.rows, rows, data["arms"], strict=True):
        for cell in row.cells:
            said = arm["numbers"][cell.key]
            assert (said["text"], said["value"]) == (cell.text, cell.value)
            assert csv_row[heading.index(cell.key)] == repr(cell.value)
            as_printed = f"{cell.text} {cell.interval_text}"
            assert csv_row[heading.index(f"{cell.key}_printed")] == as_printed
            for printed in (cell.text, cell.interval_text):
                assert printed in text
                assert paper.escape(printed) in table


def test_names_are_escaped(scored):
    Arm.objects.filter(study=scored, position=0).update(label=r"a_b & 50% #1 {x}\y~^$")
    Study.objects.filter(pk=scored.pk).update(name="A_name <b>")
    scored.refresh_from_db()
    table = paper.latex_table(reports.build_report(scored))
    escaped = (
        r"a\_b \& 50\% \#1 \{x\}\textbackslash{}y\textasciitilde{}\textasciicircum{}\$"
    )
    assert escaped in table
    assert r"A\_name \textless{}b\textgreater{}" in table


@pytest.mark.parametrize("label", ["[EMA] model", "*best"])
def test_a_name_is_no_argument_of_the_line_before_it(study, label):
    Arm.objects.filter(study=study, position=1).update(label=label)
    table = paper.latex_table(reports.build_report(study))
    assert f"{{{label}}} &" in table


def test_exactly_what_was_used_is_cited(scored):
    report = reports.build_report(scored)
    text, entries = paper.methods_text(report), paper.bibtex(report)
    keys = keys_of(entries)
    assert len(set(keys)) == len(keys)
    for reference in references.REFERENCES:
        assert (reference.cited in text) is (reference.key in keys)
    assert {"zhou2019hype", "heusel2017", "kynkaanniemi2019", "hautus1995"} <= set(keys)
    assert not {"levitt1971", "holm1979", "waudbysmith2024"} & set(keys)


def test_a_timed_study_tells_of_its_staircase(timed_study):
    walk(join(timed_study))
    scores.score_study(timed_study.pk, now=NOW)
    report = reports.build_report(timed_study)
    text = paper.methods_text(report)
    assert "2 blocks of 4 images" in text
    assert "preset hype-2019: it began at 500 ms, became 30 ms shorter after 3" in text
    assert "which settles at 63.0% correct" in text
    assert "that of the threshold is of the posterior of a mean" in text
    assert "fewer than 50 % of the answers of a block were valid" in text
    assert "Automated metrics were not computed." in text
    keys = set(keys_of(paper.bibtex(report)))
    assert {"levitt1971", "wichmann2001"} <= keys
    assert "heusel2017" not in keys


def test_conduct_is_told_as_it_was(researcher):
    study = factories.qualifying_study(
        researcher,
        protocol="hype_inf",
        pay_base="1.50",
        budget="100",
        watch_sequentially=True,
        exclusions=["fast"],
    )
    text = paper.methods_text(reports.build_report(study))
    assert "0 evaluators gave 0 answers that count, on 1 generated set." in text
    assert "first passed a qualification on 2 other real and 2 generated images" in text
    assert "Pay: USD 1.5 for taking part; budget 100.00." in text
    assert "There are no evaluators yet." in paper.latex_table(
        reports.build_report(study)
    )


def test_a_time_limit_is_told(researcher):
    study = factories.bare_study(researcher, time_limit_s=5)
    text = paper.methods_text(reports.build_report(study))
    assert (
        "one at a time and each for at most 5 s (answers that came more than 10 s"
        in text
    )
    assert "without a time limit" not in text
    study = factories.bare_study(factories.make_user("other"))
    text = paper.methods_text(reports.build_report(study))
    assert "images, one at a time and without a time limit, and said" in text


def test_attention_checks_of_every_arm_are_counted(researcher):
    study = factories.bare_study(researcher, gold_percent=10, design="within")
    made = study.arms.get().sample_set
    made.pk = None
    made.name = "another"
    made.save()
    study.arms.create(sample_set=made, label="another", position=1)
    text = paper.methods_text(reports.build_report(study))
    assert study.n_gold > 0
    assert f"{2 * study.n_gold} attention checks per evaluator" in text


def test_simulated_evaluators_are_no_people(study):
    walk(join(study, population="simulated"))
    scores.score_study(study.pk, now=NOW)
    report = reports.build_report(study)
    assert "1 simulated evaluators (no people) gave" in paper.methods_text(report)
    assert "All evaluators are simulated." in paper.latex_table(report)


def test_every_entry_is_whole():
    for reference in references.REFERENCES:
        fields = dict(reference.fields)
        assert {"author", "title", "year"} <= set(fields)
        assert reference.cited.endswith(fields["year"])
        entry = reference.entry()
        assert entry.count("{") == entry.count("}")
        assert entry.isascii()
