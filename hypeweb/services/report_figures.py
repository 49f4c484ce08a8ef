"""Figures of the numbers of a report: scores, metrics, and both together."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from hypeweb.drawing.curves import Curve, Point, draw_curve
from hypeweb.drawing.dots import Dot, DotPanel, Dots, draw_dots
from hypeweb.drawing.panels import (
    N_TONES,
    QUIET,
    Mark,
    Panel,
    Panels,
    Series,
    draw_panels,
)
from hypeweb.models import Evaluation, LabelCount
from hypeweb.services import evaluations, sweeps
from hypeweb.services.planned_figures import (
    CHANCE,
    Planned,
    axis_label,
    cells_of,
    extremes,
    listed,
    printed,
    scaled,
)
from hypeweb.services.report_columns import METRIC_COLUMNS, Column, score_columns
from hypeweb.services.report_sections import says_something
from hypeweb.services.reports import Cell, Report, Row

LABELS_SHOWN = 40
PLANE = ("precision", "recall")
CURVE_POINTS = 60


def plan(report: Report) -> Iterator[Planned]:
    """Plan what can be drawn of a report's numbers."""
    people = score_columns(report.study)
    yield from _dots(report, people, kind="scores", title="What people see")
    if report.study.is_sweep:
        yield from _sweep_curves(report)
    yield from _dots(
        report, METRIC_COLUMNS, kind="metrics", title="What the metrics say"
    )
    yield from _people_and_metrics(report)
    yield from _plane(report)
    found = evaluations.evaluations_of(report.study)
    runs = {
        row.arm_label: run
        for row in report.rows
        if (run := found.get(row.sample_set.pk)) and run.state == Evaluation.State.DONE
    }
    yield from _distance_by_size(runs)
    yield from _labels(report, runs)


def _dots(
    report: Report, columns: Sequence[Column], *, kind: str, title: str
) -> Iterator[Planned]:
    shown = [
        column
        for column in columns
        if any(
            at is not None
            for _, cell in cells_of(report, column)
            for at in (cell.value, cell.low, cell.high)
        )
    ]
    if not shown:
        return
    compared = report.comparison if kind == "scores" else None
    yield Planned(
        kind=kind,
        title=f"{title}, with 95 % intervals",
        alt=listed(
            [
                *(extremes(report, column) for column in shown),
                compared.sentences[0] if compared else "",
            ]
        ),
        data=Dots(
            title=title,
            names=tuple(row.arm_label for row in report.rows),
            panels=tuple(_dot_panel(report, column) for column in shown),
        ),
        draw=draw_dots,
    )


def _dot_panel(report: Report, column: Column) -> DotPanel:
    # No line begins with an arrow.
    arrow = {"up": "\u00a0↑", "down": "\u00a0↓", "": ""}[column.direction]
    return DotPanel(
        title=f"{column.label}{arrow}",
        unit=column.unit,
        dots=tuple(
            Dot(
                scaled(column, cell.value),
                scaled(column, cell.low),
                scaled(column, cell.high),
                is_best=cell.is_best,
            )
            for _, cell in cells_of(report, column)
        ),
        reference=CHANCE.get(column.key),
        reference_label="chance" if column.key in CHANCE else "",
    )


def _sweep_curves(report: Report) -> Iterator[Planned]:
    """Plan a curve of the published score, and one of each metric."""
    study = report.study
    axis = study.SweepAxis(study.sweep_axis).label
    places = list(study.arms.values_list("axis_value", flat=True))
    for column in (score_columns(study)[0], *METRIC_COLUMNS):
        points = [
            Point(
                x=place,
                tick=sweeps.tick(study.sweep_axis, place),
                value=cell.value * column.factor,
                low=scaled(column, cell.low),
                high=scaled(column, cell.high),
            )
            for place, (_, cell) in zip(places, cells_of(report, column), strict=True)
            if cell.value is not None and place is not None
        ]
        if points:
            yield Planned(
                kind=f"sweep_{column.key}",
                title=f"{column.label} over {axis}",
                alt=_curve_alt(report, column, places),
                data=Curve(
                    title=column.label,
                    x_label=axis,
                    y_label=axis_label(column),
                    points=tuple(points),
                    reference=CHANCE.get(column.key),
                    reference_label="chance",
                ),
                draw=draw_curve,
            )


def _curve_alt(report: Report, column: Column, places: Sequence[float | None]) -> str:
    """Return the curve in words: each arm's number and interval as printed."""
    better = {"up": ", higher is better", "down": ", lower is better", "": ""}
    told = []
    for place, (_, cell) in zip(places, cells_of(report, column), strict=True):
        where = "no truncation" if place is not None and math.isinf(place) else ""
        where = where or sweeps.tick(report.study.sweep_axis, place or 0.0)
        told.append(f"{where}: {printed(column, cell)}")
    return (
        f"{column.label} over {report.study.get_sweep_axis_display()}"
        f"{better[column.direction]}. {'; '.join(told)}."
    )


def _people_and_metrics(report: Report) -> Iterator[Planned]:
    """Plan the published score against each metric, an arm a point."""
    score = score_columns(report.study)[0]
    lines = report.agreement.lines if report.agreement else ()
    rhos = {
        line.agreement.metric: f"\N{GREEK SMALL LETTER RHO} = {line.spearman_text}"
        for line in lines
        if line.agreement.spearman.value is not None
        and says_something(line.agreement.spearman)
    }
    panels, told = [], []
    for column in METRIC_COLUMNS:
        both = [
            (row, metric, person)
            for (row, metric), (_, person) in zip(
                cells_of(report, column), cells_of(report, score), strict=True
            )
            if metric.value is not None and person.value is not None
        ]
        if len(both) < 2:  # noqa: PLR2004 an order needs two
            continue
        rho = rhos.get(column.key, "")
        panels.append(
            Panel(
                title="",
                x_label=axis_label(column),
                note=rho,
                series=_arms(report, both, x=column, y=score),
            )
        )
        said = f"Spearman's {rho}" if rho else "no rank correlation that says anything"
        told.append(f"{column.label}: {said}.")
    if panels:
        n_arms = max(len(panel.series) for panel in panels)
        statement = report.agreement.statement if report.agreement else ""
        title = f"{score.label} against each metric, arm by arm"
        yield Planned(
            kind="people_and_metrics",
            title=f"{title}. {statement}".rstrip(". "),
            alt=listed(
                [
                    f"{score.label} against each metric over {n_arms} arms.",
                    *told,
                    statement,
                ]
            ),
            data=Panels(
                title=f"{score.label} against each metric",
                x_label="",
                y_label=axis_label(score),
                panels=tuple(panels),
                shares_x=False,
            ),
            draw=draw_panels,
        )


def _plane(report: Report) -> Iterator[Planned]:
    """Plan the plane of fidelity and diversity."""
    columns = {column.key: column for column in METRIC_COLUMNS}
    precision, recall = (columns[key] for key in PLANE)
    both = [
        (row, diversity, fidelity)
        for (row, diversity), (_, fidelity) in zip(
            cells_of(report, recall), cells_of(report, precision), strict=True
        )
        if fidelity.value is not None and diversity.value is not None
    ]
    if not both:
        return
    yield Planned(
        kind="precision_recall",
        title="Fidelity and diversity: precision against recall",
        alt=listed([extremes(report, precision), extremes(report, recall)]),
        data=Panels(
            title="Precision against recall",
            x_label="Recall (diversity) ↑",
            y_label="Precision (fidelity) ↑",
            panels=(
                Panel(
                    title="",
                    series=_arms(report, both, x=recall, y=precision),
                ),
            ),
            x_limits=(-0.02, 1.02),
            y_limits=(-0.02, 1.02),
            is_square=True,
        ),
        draw=draw_panels,
    )


def _arms(
    report: Report,
    both: Sequence[tuple[Row, Cell, Cell]],
    *,
    x: Column,
    y: Column,
) -> tuple[Series, ...]:
    """Return two numbers of the arms as points, named unless they are too many."""
    tones = {row.arm_label: tone for tone, row in enumerate(report.rows)}
    is_named = 1 < len(tones) <= N_TONES
    return tuple(
        Series(
            "points",
            x=((across.value or 0.0) * x.factor,),
            y=((up.value or 0.0) * y.factor,),
            x_low=(scaled(x, across.low),),
            x_high=(scaled(x, across.high),),
            low=(scaled(y, up.low),),
            high=(scaled(y, up.high),),
            name=row.arm_label if is_named else "",
            tone=tones[row.arm_label] if is_named else 0,
        )
        for row, across, up in both
    )


def _distance_by_size(runs: Mapping[str, Evaluation]) -> Iterator[Planned]:
    """Plan FID at growing numbers of images, and where it would end."""
    panels, told = [], []
    for name, run in runs.items():
        line = run.details.get("fid_by_size")
        if not line:
            continue
        sizes = [float(size) for size in line["sizes"]]
        grid = [
            sizes[0] * (sizes[-1] / sizes[0]) ** (step / (CURVE_POINTS - 1))
            for step in range(CURVE_POINTS)
        ]
        fitted = [line["value"] + line["slope"] / size for size in grid]
        panels.append(
            Panel(
                title=name,
                note=f"FID∞ {line['value']:.2f}",
                series=(
                    Series("line", x=tuple(grid), y=tuple(fitted)),
                    Series("points", x=tuple(sizes), y=tuple(line["scores"])),
                ),
                marks=(Mark("y", line["value"]),),
            )
        )
        told.append(
            f"“{name}”: {line['scores'][-1]:.2f} at {line['sizes'][-1]} images, "
            f"{line['value']:.2f} extrapolated."
        )
    if panels:
        yield Planned(
            kind="fid_by_size",
            title="FID against the number of generated images; dashed: FID∞, where the "
            "fitted line would end",
            alt=listed(["FID depends on the number of images.", *told]),
            data=Panels(
                title="FID against the number of images",
                x_label="generated images",
                y_label="FID ↓",
                panels=tuple(panels),
                x_scale="log",
            ),
            draw=draw_panels,
        )


def _labels(report: Report, runs: Mapping[str, Evaluation]) -> Iterator[Planned]:
    """Plan how often the extractor's network sees each class in either set."""
    study = report.study
    sets = {study.real_set_id, *(row.sample_set.pk for row in report.rows)}
    counts: dict[int, Counter[int]] = {}
    found = LabelCount.objects.filter(sample_set__in=sets, extractor=study.extractor)
    for sample_set, label, n in found.values_list("sample_set", "label", "n"):
        counts.setdefault(sample_set, Counter())[label] = n
    real = counts.get(study.real_set_id, Counter())
    rows = [row for row in report.rows if counts.get(row.sample_set.pk)]
    if not real or not rows:
        return
    seen = sum((counts[row.sample_set.pk] for row in rows), Counter(real))
    classes = sorted(seen, key=lambda label: (-real[label], label))
    shown = classes[:LABELS_SHOWN]
    entropies = {row.arm_label: _entropies(runs.get(row.arm_label)) for row in rows}
    left = len(classes) - len(shown)
    yield Planned(
        kind="labels",
        title="Classes that the extractor's network sees",
        alt=listed(
            [
                f"{len(classes)} classes, the most frequent of the real images first.",
                f"The rarest {left} are left out." if left else "",
                *(_label_alt(row, real, counts, entropies) for row in rows),
            ]
        ),
        data=Panels(
            title="Classes seen by the network",
            x_label="classes, by frequency among real images (line)",
            y_label="share of images, %",
            panels=tuple(
                Panel(
                    title=row.arm_label,
                    note=entropies[row.arm_label],
                    series=(
                        _shares(shown, counts[row.sample_set.pk], "bars", 0),
                        _shares(shown, real, "steps", QUIET),
                    ),
                )
                for row in rows
            ),
            whole_x=True,
        ),
        draw=draw_panels,
    )


def _shares(shown: Sequence[int], counts: Counter[int], look: str, tone: int) -> Series:
    n = counts.total()
    return Series(
        "bars" if look == "bars" else "steps",
        x=tuple(float(place) for place in range(1, len(shown) + 1)),
        y=tuple(100 * counts[label] / n for label in shown),
        tone=tone,
    )


def _entropies(run: Evaluation | None) -> str:
    """Return the two entropies behind the Inception Score, in nats."""
    results = {result.name: result.value for result in run.results.all()} if run else {}
    try:
        marginal = results["label_entropy_marginal"]
        conditional = results["label_entropy_conditional"]
    except KeyError:
        return ""
    return f"H(y) {marginal:.2f}\nH(y|x) {conditional:.2f}"


def _label_alt(
    row: Row,
    real: Counter[int],
    counts: Mapping[int, Counter[int]],
    entropies: Mapping[str, str],
) -> str:
    made = counts[row.sample_set.pk]
    missing = sum(1 for label in real if not made[label])
    told = entropies[row.arm_label].replace("\n", ", ")
    entropy = f"; label entropies in nats: {told}" if told else ""
    return (
        f"“{row.arm_label}” lacks {missing} of the {len(real)} classes of the real "
        f"images{entropy}."
    )
