"""The report: people and metrics side by side, every number from one place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from django.db.models import Count

from hypeweb.models import (
    Arm,
    Evaluation,
    Judgment,
    Sample,
    SampleSet,
    Score,
    Session,
    Study,
    Trial,
)
from hypeweb.science.bootstrap import TIED_DECIMALS
from hypeweb.science.cautions import FEW_EVALUATORS
from hypeweb.services import (
    agreement,
    comparisons,
    evaluations,
    group_scores,
    image_findings,
    quality,
    studies,
)
from hypeweb.services.comparisons import Compared
from hypeweb.services.group_scores import GroupNumber, OfGroup
from hypeweb.services.report_columns import (
    DEPEND_ON_COUNT,
    DOUBTED,
    METRIC_COLUMNS,
    Column,
    detail_columns,
    score_columns,
)
from hypeweb.services.report_images import ImagesSection, images_section
from hypeweb.services.report_sections import (
    APART,
    AgreementSection,
    ComparisonSection,
    ExclusionSection,
    agreement_section,
    chance_text,
    comparison_section,
    exclusion_section,
    verdict,
)

Population = Literal["people", "simulated"]
ExclusionsChoice = Literal["none", "applied"]
N_GRID = 24
# The metric of the headline.
FIRST_METRIC = "fid"


@dataclass(frozen=True)
class Number:
    """One number of one arm, wherever it comes from."""

    value: float | None
    low: float | None
    high: float | None
    note: str = ""
    bound: str = ""
    statement: str = ""


@dataclass(frozen=True)
class Cell:
    """One number of one arm, as a number and as it is printed everywhere."""

    key: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    interval_text: str
    is_best: bool
    note: str
    bound: str

    @property
    def has_interval(self) -> bool:
        return self.low is not None and self.high is not None


@dataclass(frozen=True)
class Row:
    """One arm of the report."""

    arm_label: str
    sample_set: SampleSet
    cells: tuple[Cell, ...]
    details: tuple[Cell, ...]
    n_evaluators: int
    n_judgments: int
    n_shown_again: int
    state_text: str
    warnings: tuple[str, ...]
    grid: tuple[int, ...]
    provenance: dict[str, object]

    @property
    def provenance_lines(self) -> tuple[tuple[str, str], ...]:
        """What the metrics rest on, a line each, with dots between the levels."""
        return tuple(_flat(self.provenance))


@dataclass(frozen=True)
class GroupLine:
    """One arm as one group of evaluators judges it."""

    group_label: str
    arm_label: str
    n_evaluators: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class GroupSection:
    """The crowd beside experts, where both judged."""

    columns: tuple[Column, ...]
    lines: tuple[GroupLine, ...]


@dataclass(frozen=True)
class Report:
    """What the page, the JSON and the CSV show of a study."""

    study: Study
    population: Population
    other_population: Population | None
    exclusions: ExclusionsChoice
    excluded: ExclusionSection
    headline: tuple[str, ...]
    notes: tuple[str, ...]
    columns: tuple[Column, ...]
    detail_columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    comparison: ComparisonSection | None
    agreement: AgreementSection | None
    watch: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    real_grid: tuple[int, ...]
    images: ImagesSection | None = None
    groups: GroupSection | None = None
    disagreements: tuple[str, ...] = ()


def build_report(
    study: Study,
    *,
    population: Population | None = None,
    exclusions: ExclusionsChoice = "none",
) -> Report:
    """Return the report of a study for people, or for simulated evaluators.

    It rests on everyone, or leaves out whom the study's rules on quality leave out.
    """
    arms = list(study.arms.select_related("sample_set"))
    scores = list(Score.objects.filter(arm__study=study, exclusions=exclusions))
    scored = _populations(study)
    chosen = population or _default_population(scored)
    other: Population = "simulated" if chosen == "people" else "people"
    columns, details = score_columns(study) + METRIC_COLUMNS, detail_columns(study)
    names = comparisons.arm_names(arms)
    compared = comparisons.comparison_of(
        study, population=chosen, exclusions=exclusions
    )
    excluded = exclusion_section(
        quality.excluded_of(study, population=chosen),
        is_applied=exclusions == "applied",
    )
    runs = evaluations.evaluations_of(study)
    shown_again = _n_shown_again(study, chosen)
    rows = mark_best(
        columns,
        [
            _row(
                arm,
                name=names[arm.pk],
                scores=[
                    score
                    for score in scores
                    if score.arm_id == arm.pk and score.population == chosen
                ],
                run=runs.get(arm.sample_set_id),
                n_shown_again=shown_again.get(arm.pk, 0),
            )
            for arm in arms
        ],
    )
    return Report(
        study=study,
        population=chosen,
        other_population=other if other in scored else None,
        exclusions=exclusions,
        excluded=excluded,
        headline=headline(columns, rows, chosen, compared),
        notes=_notes(study, chosen, rows),
        columns=columns,
        detail_columns=details,
        rows=rows,
        comparison=comparison_section(study, compared)
        if compared and len(arms) > 1
        else None,
        agreement=agreement_section(
            study,
            agreement.agreement_of(study, population=chosen, exclusions=exclusions),
        ),
        watch=comparisons.watch_sentences(study, compared.watch if compared else None)
        if study.watch_sequentially and len(arms) > 1
        else (),
        settings=tuple(studies.describe(study)),
        real_grid=_grid(study.real_set),
        images=images_section(
            image_findings.images_of(study, population=chosen, exclusions=exclusions)
        ),
        groups=_groups(
            study,
            names,
            group_scores.groups_of(study, population=chosen, exclusions=exclusions),
        ),
        disagreements=disagreements(columns, rows, chosen, compared),
    )


def _groups(
    study: Study, names: Mapping[int, str], found: Sequence[OfGroup]
) -> GroupSection | None:
    """Return each arm's human scores, group by group."""
    if not found:
        return None
    columns = score_columns(study)
    lines = []
    for pk, name in names.items():
        for one in found:
            found_here = one.arms.get(pk, ())
            numbers = {number.kind: number_of(number) for number in found_here}
            main = next((n for n in found_here if n.kind == columns[0].key), None)
            lines.append(
                GroupLine(
                    group_label=one.label,
                    arm_label=name,
                    n_evaluators=main.n_evaluators if main else 0,
                    cells=tuple(
                        cell_of(column, numbers.get(column.key)) for column in columns
                    ),
                )
            )
    return GroupSection(columns=columns, lines=tuple(lines))


def population_shown(study: Study) -> Population:
    """Return whose judgments a report shows where nobody says whose."""
    return _default_population(_populations(study))


def _populations(study: Study) -> set[str]:
    """Return of whom there are scores: of everyone, whomever the rules leave out."""
    found = Score.objects.filter(arm__study=study, exclusions="none").order_by()
    return set(found.values_list("population", flat=True).distinct())


def _n_shown_again(study: Study, population: Population) -> dict[int, int]:
    counted = (
        Judgment.objects.filter(
            trial__session__study=study,
            trial__session__population=population,
            trial__session__state=Session.State.FINISHED,
            trial__purpose=Trial.Purpose.SCORE,
            exposure_flags__contains="shown_again",
        )
        .values_list("trial__arm")
        .annotate(n=Count("pk"))
    )
    return dict(counted)


def _n_void(study: Study, population: Population) -> int:
    return Judgment.objects.filter(
        trial__session__study=study,
        trial__session__population=population,
        trial__session__state=Session.State.FINISHED,
        trial__purpose=Trial.Purpose.SCORE,
        is_void=True,
    ).count()


def _default_population(scored: set[str]) -> Population:
    return "simulated" if scored == {Session.Population.SIMULATED} else "people"


def _row(
    arm: Arm,
    *,
    name: str,
    scores: Sequence[Score],
    run: Evaluation | None,
    n_shown_again: int,
) -> Row:
    numbers = {score.kind: number_of(score) for score in scores}
    if run and run.state == Evaluation.State.DONE:
        doubts = _doubts(run)
        numbers |= {
            result.name: Number(
                result.value, result.low, result.high, note=doubts.get(result.name, "")
            )
            for result in run.results.all()
        }
    columns = score_columns(arm.study) + METRIC_COLUMNS
    main = next((score for score in scores if score.kind == columns[0].key), None)
    return Row(
        arm_label=name,
        sample_set=arm.sample_set,
        cells=tuple(cell_of(column, numbers.get(column.key)) for column in columns),
        details=tuple(
            cell_of(column, numbers.get(column.key))
            for column in detail_columns(arm.study)
        ),
        n_evaluators=main.n_evaluators if main else 0,
        n_judgments=main.n_judgments if main else 0,
        n_shown_again=n_shown_again,
        state_text=_state_text(run),
        warnings=tuple(w.message for w in run.warnings.all()) if run else (),
        grid=_grid(arm.sample_set),
        provenance=run.provenance if run else {},
    )


def _flat(found: Mapping[str, object], within: str = "") -> Iterator[tuple[str, str]]:
    for key, value in found.items():
        name = f"{within}{key}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list):
            yield name, ", ".join(str(one) for one in value) or "none"
        else:
            yield name, "none" if value is None else str(value)


def number_of(found: Score | GroupNumber) -> Number:
    """Return what a report prints of a stored score."""
    return Number(
        value=found.value,
        low=found.low,
        high=found.high,
        note=found.note,
        bound=found.bound,
        statement=found.statement,
    )


def cell_of(column: Column, number: Number | None) -> Cell:
    """Return a number as it is printed everywhere."""
    if number is None:
        return Cell(column.key, None, None, None, "not yet", "", False, "", "")
    low, high = number.low, number.high
    # Without a number, the sentence says where it lies.
    said = (number.statement, number.note) if number.value is None else (number.note,)
    return Cell(
        key=column.key,
        value=number.value,
        low=low,
        high=high,
        text=_beyond(number.bound)
        if number.value is None
        else _printed(column, number.value),
        interval_text=_interval(column, low, high),
        is_best=False,
        note=" ".join(filter(None, said)),
        bound=number.bound,
    )


def _interval(column: Column, low: float | None, high: float | None) -> str:
    """Return an interval as printed; one that is open on a side as a bound."""
    if low is None and high is None:
        return ""
    if high is None:
        return f"≥ {_printed(column, low or 0.0)}"
    if low is None:
        return f"≤ {_printed(column, high)}"
    return f"[{_printed(column, low)}, {_printed(column, high)}]"


def _printed(column: Column, value: float) -> str:
    # A difference that rounds to nothing has no sign.
    return f"{value * column.factor:z.{column.digits}f}"


def _beyond(bound: str) -> str:
    words = {Score.Bound.BELOW: "too short", Score.Bound.ABOVE: "too long"}
    return next((word for name, word in words.items() if name == bound), "none")


def mark_best(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[Row, ...]:
    same_counts = len({row.sample_set.n_samples for row in rows}) == 1
    best: dict[str, float] = {}
    for index, column in enumerate(columns):
        values = [v for row in rows if (v := _untied(row.cells[index])) is not None]
        is_fair = same_counts or column.key not in DEPEND_ON_COUNT
        # Beyond a limit may be the best or the worst, nobody knows by how much.
        is_fair = is_fair and not any(row.cells[index].bound for row in rows)
        if len(values) > 1 and column.direction and is_fair:
            best[column.key] = max(values) if column.direction == "up" else min(values)
    return tuple(
        replace(
            row,
            cells=tuple(
                replace(cell, is_best=_untied(cell) == best.get(cell.key))
                if cell.value is not None
                else cell
                for cell in row.cells
            ),
        )
        for row in rows
    )


def _untied(cell: Cell) -> float | None:
    """Return a number as it is compared: what differs beyond is rounding."""
    return None if cell.value is None else round(cell.value, TIED_DECIMALS)


def headline(
    columns: Sequence[Column],
    rows: Sequence[Row],
    population: Population,
    compared: Compared | None,
) -> tuple[str, ...]:
    """Say first how people and metrics rank the arms, and how clearly."""
    if len(rows) == 1:
        return (_only_arm(columns, rows[0], population),)
    return (
        _people_sentence(columns, rows, population, compared),
        _metric_sentence(columns, rows),
    )


def _only_arm(columns: Sequence[Column], row: Row, population: Population) -> str:
    said = [
        f"{column.label} {_value(column, row.cells[index])}"
        for index, column in enumerate(columns)
        if (index == 0 or column.key == FIRST_METRIC)
        and row.cells[index].value is not None
    ]
    numbers = f": {', '.join(said)}" if said else ", and it has no number yet"
    whose = " (simulated evaluators)" if population == "simulated" else ""
    return f"“{row.arm_label}” is the only arm, so there is no ranking{numbers}{whose}."


def _people_sentence(
    columns: Sequence[Column],
    rows: Sequence[Row],
    population: Population,
    compared: Compared | None,
) -> str:
    column = columns[0]
    who = "People" if population == "people" else "Simulated evaluators"
    if all(row.cells[0].value is None and not row.cells[0].bound for row in rows):
        return f"{who} have not judged enough yet to rank the arms."
    without = [row.arm_label for row in rows if row.cells[0].value is None]
    if without:
        return (
            f"{who} do not rank the arms: {_quoted(without)} "
            f"{'has' if len(without) == 1 else 'have'} no {column.label} that is a "
            "number."
        )
    said = [f"{who} rank by {column.label}: {_order(column, 0, rows)}"]
    said += _separations(rows, compared)
    ranking = compared.ranking if compared else ()
    best = [line for line in ranking if line.rank == 1]
    # Among some of the arms the first is first of nothing that the sentence names.
    if len(best) == 1 and len(ranking) == len(rows):
        chance, fewest = chance_text(best[0].chance_best), min(map(_n_people, rows))
        few = f" of as few as {fewest} evaluators" if fewest < FEW_EVALUATORS else ""
        said.append(f"“{best[0].arm}” is first in {chance} of the resamples{few}")
    return f"{'; '.join(said)}."


def _n_people(row: Row) -> int:
    return row.n_evaluators


def _separations(rows: Sequence[Row], compared: Compared | None) -> list[str]:
    """Say which arms are not clearly apart, or that all are."""
    named: dict[str, list[str]] = {}
    for number, one in enumerate(rows, start=1):
        for other in rows[number:]:
            words = verdict(compared, one.arm_label, other.arm_label)
            named.setdefault(words, []).append(_pair(one, other))
    if list(named) == [APART]:
        return ["all are clearly apart"]
    named.pop(APART, None)
    return [
        f"{words or 'not compared yet'}: {', '.join(pairs)}"
        for words, pairs in named.items()
    ]


def _metric_sentence(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    index = next(i for i, column in enumerate(columns) if column.key == FIRST_METRIC)
    column = columns[index]
    without = [row for row in rows if row.cells[index].value is None]
    if without:
        states = dict.fromkeys(row.state_text for row in without if row.state_text)
        because = f": {'; '.join(states).rstrip('.')}" if states else ""
        which = (
            ""
            if len(without) == len(rows)
            else f" for {_quoted([row.arm_label for row in without])}"
        )
        return f"The metrics do not rank the arms; no {column.label}{which}{because}."
    if len({row.sample_set.n_samples for row in rows}) > 1:
        return (
            f"The metrics do not rank the arms: {column.label} depends on the number "
            "of images, and the arms have different ones."
        )
    sentence = f"The metrics rank by {column.label}: {_order(column, index, rows)}"
    unknown = [row.arm_label for row in rows if not row.cells[index].has_interval]
    if unknown:
        return f"{sentence}; how clearly is not known, without {_intervals(unknown)}."
    unsure = [
        _pair(one, other)
        for number, one in enumerate(rows, start=1)
        for other in rows[number:]
        if not _are_apart(one.cells[index], other.cells[index])
    ]
    return (
        f"{sentence}; the intervals of {', '.join(unsure)} overlap."
        if unsure
        else f"{sentence}; no two intervals overlap."
    )


def _intervals(labels: Sequence[str]) -> str:
    article = "an interval" if len(labels) == 1 else "intervals"
    return f"{article} of {_quoted(labels)}"


def _order(column: Column, index: int, rows: Sequence[Row]) -> str:
    """Return the arms from best to worst with their numbers; equal ones say so."""
    worst_first = -1.0 if column.direction == "up" else 1.0
    by_value: dict[float, list[Row]] = {}
    for row in rows:
        by_value.setdefault(_untied(row.cells[index]) or 0.0, []).append(row)
    steps = []
    for value in sorted(by_value, key=lambda value: value * worst_first):
        tied = by_value[value]
        equal = "equally " if len(tied) > 1 else ""
        number = _value(column, tied[0].cells[index])
        names = " and ".join(f"“{row.arm_label}”" for row in tied)
        steps.append(f"{equal}{names} ({number})")
    return ", then ".join(steps)


def _value(column: Column, cell: Cell) -> str:
    return f"{cell.text} {column.unit}".strip()


def _pair(one: Row, other: Row) -> str:
    return f"“{one.arm_label}” and “{other.arm_label}”"


def _quoted(labels: Sequence[str]) -> str:
    return ", ".join(f"“{label}”" for label in labels)


def disagreements(
    columns: Sequence[Column],
    rows: Sequence[Row],
    population: Population,
    compared: Compared | None,
) -> tuple[str, ...]:
    """Say which arms people and a metric both tell clearly apart, the other way round.

    Nothing where no two arms are told apart by people and by a metric.
    """
    who = "people" if population == "people" else "simulated evaluators"
    people = columns[0]
    same_counts = len({row.sample_set.n_samples for row in rows}) == 1
    metrics = [
        (index, column)
        for index, column in enumerate(columns)
        if column.group == "metrics" and column.direction
        if same_counts or column.key not in DEPEND_ON_COUNT
    ]
    sentences, n_told_apart = [], 0
    for number, one in enumerate(rows, start=1):
        for other in rows[number:]:
            first = _better(people, one, other, 0)
            if first is None or not verdict(
                compared, one.arm_label, other.arm_label
            ).startswith(APART):
                continue
            second = other if first is one else one
            against = []
            for index, column in metrics:
                better = _better(column, one, other, index)
                if better is None or not _are_apart(
                    one.cells[index], other.cells[index]
                ):
                    continue
                n_told_apart += 1
                if better is second:
                    values = (
                        f"{_value(column, first.cells[index])} against "
                        f"{_value(column, second.cells[index])}"
                    )
                    against.append(f"{column.label} ({values})")
            if against:
                values = (
                    f"{_value(people, first.cells[0])} against "
                    f"{_value(people, second.cells[0])}"
                )
                sentences.append(
                    f"{who.capitalize()} put “{first.arm_label}” clearly above "
                    f"“{second.arm_label}” ({values}); {', '.join(against)} clearly "
                    f"{'says' if len(against) == 1 else 'say'} the opposite."
                )
    if sentences or not n_told_apart:
        return tuple(sentences)
    return (
        (
            f"Where {who} and a metric both tell two arms clearly apart, they agree on "
            "which is better."
        ),
    )


def _better(column: Column, one: Row, other: Row, index: int) -> Row | None:
    """Return the row with the better number; None of equal or missing ones."""
    first, second = _untied(one.cells[index]), _untied(other.cells[index])
    if first is None or second is None or first == second:
        return None
    is_first = first > second if column.direction == "up" else first < second
    return one if is_first else other


def _are_apart(one: Cell, other: Cell) -> bool:
    """Return whether two numbers have intervals, and these do not overlap."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low > other.high or other.low > one.high


def _notes(
    study: Study, population: Population, rows: Sequence[Row]
) -> tuple[str, ...]:
    notes = []
    if population == "simulated":
        notes.append(
            "Every judgment in this report comes from simulated evaluators: it shows "
            "how the report works, and says nothing about what people see."
        )
    elif not any(row.n_evaluators for row in rows):
        notes.append("No evaluator's judgments count yet, so there is no human score.")
    audit = studies.leak_audit_of(study)
    if audit is not None and audit.is_overridden:
        notes.append(
            f"{audit.sentence or 'The leak audit failed.'} The study was opened all "
            f"the same, for this reason: “{audit.override_reason}”"
        )
    counts = sorted({row.sample_set.n_samples for row in rows})
    if len(counts) > 1:
        notes.append(
            f"The arms have between {counts[0]} and {counts[-1]} images. FID and "
            "Inception Score depend on the number, so their best is not marked."
        )
    n_void = _n_void(study, population)
    if n_void:
        notes.append(
            f"{n_void} judgments were left out: the exposure failed, the answer came "
            "too late, or the image was never sent."
        )
    n_shown_again = sum(row.n_shown_again for row in rows)
    if n_shown_again:
        notes.append(
            f"{n_shown_again} timed images were shown more than once, after a reload."
        )
    if any(row.state_text for row in rows):
        notes.append("Some automated metrics are missing: see the state of each arm.")
    if study.watch_sequentially:
        notes.append(
            "The study was watched while it ran. What is said there holds whenever one "
            "looks and stops; if it was stopped on that, the other intervals are "
            "slightly optimistic."
        )
    if study.is_open:
        notes.append("The study is still open; the numbers may change.")
    return tuple(notes)


def _doubts(run: Evaluation) -> dict[str, str]:
    """Return what the metrics package warns of, number by number."""
    found: dict[str, list[str]] = {}
    for warning in run.warnings.all():
        for key in DOUBTED.get(warning.code, ()):
            found.setdefault(key, []).append(warning.message)
    return {key: " ".join(messages) for key, messages in found.items()}


def _state_text(run: Evaluation | None) -> str:
    if run is None:
        return "metrics were not requested"
    if run.state == Evaluation.State.DONE:
        return ""
    if run.state == Evaluation.State.FAILED:
        return f"metrics failed: {run.error}"
    return f"metrics {run.get_state_display()}"


def _grid(sample_set: SampleSet) -> tuple[int, ...]:
    """Return samples spread evenly over the set, so that none is picked by hand."""
    n = min(N_GRID, sample_set.n_samples)
    positions = [index * sample_set.n_samples // n for index in range(n)]
    return tuple(
        Sample.objects.filter(sample_set=sample_set, position__in=positions)
        .order_by("position")
        .values_list("pk", flat=True)
    )
