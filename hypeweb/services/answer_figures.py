"""Figures of the answers themselves: images, learning, staircases, exposures."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from hypeweb.drawing.panels import QUIET, Mark, Panel, Panels, Series, draw_panels
from hypeweb.science.estimates import mean_over_evaluators
from hypeweb.science.images import ImageRates
from hypeweb.science.psychometric import chance_correct
from hypeweb.science.scoring import block_mode
from hypeweb.services.answer_details import AnswerDetails, ArmAnswers
from hypeweb.services.planned_figures import Planned, cells_of, listed, printed
from hypeweb.services.report_columns import score_columns
from hypeweb.services.reports import Report

# More points than this are thinned evenly: nobody sees the difference.
MAX_POINTS = 300
MAX_TRACES = 150
N_BINS = 8
CURVE_POINTS = 60
TARGET = 75
EVALUATOR_IN = 0.075


def plan(report: Report, details: AnswerDetails) -> Iterator[Planned]:
    """Plan what can be drawn of the answers behind a report."""
    yield from _image_rates(details)
    if report.study.is_timed:
        yield from _staircases(report, details)
        yield from _psychometric(report, details)
        yield from _thresholds(report, details)
        yield from _block_modes(report, details)
        yield from _exposures(details)
    else:
        yield from _learning(details)


def _image_rates(details: AnswerDetails) -> Iterator[Planned]:
    named: list[tuple[str, ImageRates]] = [
        (arm.name, arm.image_rates) for arm in details.arms if arm.image_rates
    ]
    if details.real_rates:
        named.append(("Real, called fake", details.real_rates))
    if not named:
        return
    told = []
    for name, rates in named:
        n_above = int(np.count_nonzero(rates.low > rates.mean))
        n_below = int(np.count_nonzero(rates.high < rates.mean))
        told.append(
            f"“{name}”: mean {100 * rates.mean:.0f} %, single images from "
            f"{100 * rates.rate.min():.0f} to {100 * rates.rate.max():.0f} %; of "
            f"{rates.rate.size} images {n_above} lie clearly above the mean and "
            f"{n_below} clearly below."
        )
    yield Planned(
        kind="image_rates",
        title="How often each image deceived, sorted, with 95 % intervals; dashed: the "
        "mean",
        alt=listed(told),
        data=Panels(
            title="Deception rate per image",
            x_label="images, by rate",
            y_label="judged wrongly, %",
            panels=tuple(_rates_panel(name, rates) for name, rates in named),
            y_limits=(-2, 102),
            shares_x=False,
            whole_x=True,
        ),
        draw=draw_panels,
    )


def _rates_panel(name: str, rates: ImageRates) -> Panel:
    order = np.argsort(rates.rate, kind="stable")
    kept = _thinned(order.size)
    rows = order[kept]
    return Panel(
        title=name,
        series=(
            Series(
                "band",
                x=_plain(kept + 1.0),
                y=_plain(100 * rates.rate[rows]),
                low=_plain(100 * rates.low[rows]),
                high=_plain(100 * rates.high[rows]),
            ),
        ),
        marks=(Mark("y", 100 * rates.mean),),
    )


def _learning(details: AnswerDetails) -> Iterator[Planned]:
    arms = [arm for arm in details.arms if len(arm.learning.first_trial) > 1]
    if not arms:
        return
    yield Planned(
        kind="learning",
        title="Errors along the session, with 95 % intervals",
        alt=listed([_learning_alt(arm) for arm in arms]),
        data=Panels(
            title="Errors along the session",
            x_label="images judged before",
            y_label="judged wrongly, %",
            panels=tuple(
                Panel(
                    title=arm.name,
                    series=(
                        Series(
                            "joined",
                            x=tuple(float(at) for at in arm.learning.first_trial),
                            y=tuple(100 * error for error in arm.learning.error),
                            low=_percent(arm.learning.low),
                            high=_percent(arm.learning.high),
                        ),
                    ),
                )
                for arm in arms
            ),
        ),
        draw=draw_panels,
    )


def _learning_alt(arm: ArmAnswers) -> str:
    slope = arm.learning.slope
    first, last = arm.learning.error[0], arm.learning.error[-1]
    told = (
        f"“{arm.name}”: from {100 * first:.0f} % wrong at first to {100 * last:.0f} % "
        "at the end"
    )
    if slope.low is None or slope.high is None:
        return f"{told}."
    verdict = "no clear trend"
    if slope.high < 0:
        verdict = "people learn"
    elif slope.low > 0:
        verdict = "people get worse"
    return f"{told}, {verdict}."


def _staircases(report: Report, details: AnswerDetails) -> Iterator[Planned]:
    texts, values = _score_texts(report), _score_values(report)
    yield Planned(
        kind="staircases",
        title="Staircases: every block of every evaluator (thin), and their median "
        "(thick); dashed: the arm's score",
        alt=listed(
            [
                f"“{arm.name}”: {texts.get(arm.name, 'no score')}."
                for arm in details.arms
            ]
        ),
        data=Panels(
            title="Staircases",
            x_label="trial of the block",
            y_label="exposure, ms",
            panels=tuple(
                Panel(
                    title=arm.name,
                    note=texts.get(arm.name, ""),
                    series=_traces(arm),
                    marks=tuple(Mark("y", at) for at in values.get(arm.name, ())),
                )
                for arm in details.arms
            ),
            whole_x=True,
        ),
        draw=draw_panels,
    )


def _traces(arm: ArmAnswers) -> tuple[Series, ...]:
    blocks = [block for one in arm.evaluators for block in one.block_exposures()]
    every = -(-len(blocks) // MAX_TRACES) or 1
    longest = max(map(len, blocks))
    table = np.full((len(blocks), longest), np.nan)
    for row, block in zip(table, blocks, strict=True):
        row[: len(block)] = block
    # A median of the few who went on longest would jump about.
    enough = np.isfinite(table).sum(axis=0) * 2 >= len(blocks)
    median = np.nanmedian(table[:, enough], axis=0)
    hairs = tuple(
        Series(
            "hair",
            x=tuple(float(at) for at in range(1, len(block) + 1)),
            y=tuple(float(ms) for ms in block),
            tone=QUIET,
        )
        for block in blocks[::every]
    )
    middle = Series("line", x=_plain(np.arange(median.size) + 1.0), y=_plain(median))
    return (*hairs, middle)


def _psychometric(report: Report, details: AnswerDetails) -> Iterator[Planned]:
    study = report.study
    grid = np.geomspace(study.min_ms, study.max_ms, CURVE_POINTS)
    arms = [arm for arm in details.arms if arm.threshold is not None]
    if not arms:
        return
    yield Planned(
        kind="psychometric",
        title="Share correct over the exposure shown: each evaluator's fit (thin), "
        "the arm's (thick), and the answers, with each evaluator's exposures scaled "
        "to the arm's threshold; dashed: 75 %",
        alt=listed(
            [
                f"“{arm.name}”: {arm.threshold.statement}"
                for arm in arms
                if arm.threshold
            ]
        ),
        data=Panels(
            title="Psychometric functions",
            x_label="exposure shown, ms",
            y_label="correct, %",
            panels=tuple(_function_panel(arm, grid) for arm in arms),
            x_scale="log",
            y_limits=(38, 102),
            y_ticks=(50, 75, 100),
        ),
        draw=draw_panels,
    )


def _function_panel(arm: ArmAnswers, grid: NDArray[np.float64]) -> Panel:
    fitted = [fit for fit in arm.fits if fit.threshold_ms is not None]
    hairs = tuple(
        Series(
            "hair",
            x=_plain(grid),
            y=_plain(
                100
                * chance_correct(
                    grid,
                    threshold_ms=fit.threshold_ms or 1.0,
                    slope=fit.slope,
                    lapse=fit.lapse,
                )
            ),
            tone=QUIET,
        )
        for fit in fitted[:MAX_TRACES]
    )
    pooled = arm.threshold.threshold.value if arm.threshold else None
    thick: tuple[Series, ...] = ()
    if pooled is not None and fitted:
        curve = chance_correct(
            grid,
            threshold_ms=pooled,
            slope=float(np.mean([fit.slope for fit in fitted])),
            lapse=float(np.mean([fit.lapse for fit in fitted])),
        )
        thick = (Series("line", x=_plain(grid), y=_plain(100 * curve)),)
    return Panel(
        title=arm.name,
        series=(*hairs, *thick, *_answers_by_exposure(arm, pooled)),
        marks=(Mark("y", TARGET),),
    )


def _answers_by_exposure(
    arm: ArmAnswers, pooled_ms: float | None
) -> tuple[Series, ...]:
    """Return the share correct in bins of the exposures, as many answers in each.

    A staircase shows each evaluator what lies near their own threshold: put together
    as they are, the answers of different people would make no curve at all.
    """
    scaled = [
        (one, pooled_ms / fit.threshold_ms)
        for one, fit in zip(arm.evaluators, arm.fits, strict=True)
        if pooled_ms is not None and fit.threshold_ms is not None
    ]
    if not scaled:
        return ()
    shown = np.concatenate([one.exposures_shown() * by for one, by in scaled])
    is_right = np.concatenate([~one.wrong for one, _ in scaled])
    order = np.argsort(shown, kind="stable")
    bins = [rows for rows in np.array_split(order, N_BINS) if rows.size]
    right = np.array([np.count_nonzero(is_right[rows]) for rows in bins])
    all_ = np.array([rows.size for rows in bins])
    # Jeffreys' interval: its tails are right near 0 and 1 too.
    low, high = (
        beta(right + 0.5, all_ - right + 0.5).ppf(share) for share in (0.025, 0.975)
    )
    points = Series(
        "points",
        x=tuple(float(np.median(shown[rows])) for rows in bins),
        y=_plain(100 * right / all_),
        low=_plain(100 * np.minimum(low, right / all_)),
        high=_plain(100 * np.maximum(high, right / all_)),
        tone=1,
    )
    return (points,)


def _thresholds(report: Report, details: AnswerDetails) -> Iterator[Planned]:
    limits = (float(report.study.min_ms), float(report.study.max_ms))
    arms = [arm for arm in details.arms if arm.fits]
    if not arms:
        return
    n_most = max(len(arm.fits) for arm in arms)
    yield Planned(
        kind="thresholds",
        title="Each evaluator's threshold at 75 % with 95 % intervals; grey where it "
        "lies beyond the limits or cannot be told; dashed: the arm's",
        alt=listed([_threshold_alt(arm) for arm in arms]),
        data=Panels(
            title="Thresholds of the evaluators",
            x_label="exposure at 75 % correct, ms",
            y_label="evaluators, by threshold",
            panels=tuple(_threshold_panel(arm, limits) for arm in arms),
            x_scale="log",
            x_limits=(limits[0] * 0.85, limits[1] * 1.15),
            row_in=min(max(0.8 + EVALUATOR_IN * n_most, 1.5), 4.0),
            whole_y=True,
        ),
        draw=draw_panels,
    )


def _threshold_alt(arm: ArmAnswers) -> str:
    measured = [fit.threshold_ms for fit in arm.fits if fit.threshold_ms is not None]
    told = f"“{arm.name}”: {len(measured)} of {len(arm.fits)} evaluators have one"
    if not measured:
        return f"{told}."
    return f"{told}, from {min(measured):.0f} to {max(measured):.0f} ms."


def _threshold_panel(arm: ArmAnswers, limits: tuple[float, float]) -> Panel:
    places = {"at-floor": limits[0], "at-ceiling": limits[1], "at-chance": limits[1]}
    known = sorted(
        (fit for fit in arm.fits if fit.threshold_ms is not None),
        key=lambda fit: fit.threshold_ms or 0.0,
    )
    n_floor = sum(fit.status == "at-floor" for fit in arm.fits)
    beyond = sorted(places[fit.status] for fit in arm.fits if fit.status in places)
    first = n_floor + 1
    known_rows = range(first, first + len(known))
    above = range(first + len(known), 1 + len(known) + len(beyond))
    others = [*range(1, first), *above]
    pooled = arm.threshold.threshold.value if arm.threshold else None
    return Panel(
        title=arm.name,
        series=(
            Series("points", x=tuple(beyond), y=tuple(map(float, others)), tone=QUIET),
            Series(
                "points",
                x=tuple(fit.threshold_ms or 0.0 for fit in known),
                y=tuple(map(float, known_rows)),
                x_low=tuple(
                    limits[0] if fit.low_ms is None else fit.low_ms for fit in known
                ),
                x_high=tuple(
                    limits[1] if fit.high_ms is None else fit.high_ms for fit in known
                ),
            ),
        ),
        marks=() if pooled is None else (Mark("x", pooled),),
    )


def _block_modes(report: Report, details: AnswerDetails) -> Iterator[Planned]:
    rng = np.random.default_rng(report.study.seed)
    panels, told = [], []
    for arm in details.arms:
        modes = [
            [block_mode(block) for block in one.block_exposures() if block]
            for one in arm.evaluators
        ]
        n_blocks = max(map(len, modes))
        if n_blocks < 2:  # noqa: PLR2004 a change needs two
            continue
        by_block = [
            np.array([own[number] for own in modes if len(own) > number])
            for number in range(n_blocks)
        ]
        found = [
            mean_over_evaluators(own, n_judgments=own.size, rng=rng) for own in by_block
        ]
        panels.append(
            Panel(
                title=arm.name,
                series=(
                    Series(
                        "joined",
                        x=tuple(float(number + 1) for number in range(n_blocks)),
                        y=tuple(one.value or 0.0 for one in found),
                        low=tuple(one.low for one in found),
                        high=tuple(one.high for one in found),
                    ),
                ),
            )
        )
        told.append(
            f"“{arm.name}”: {found[0].value:.0f} ms in the first block, "
            f"{found[-1].value:.0f} ms in the last."
        )
    if panels:
        yield Planned(
            kind="learning",
            title="Modal exposure block by block, with 95 % intervals",
            alt=listed(told),
            data=Panels(
                title="Learning over blocks",
                x_label="block",
                y_label="modal exposure, ms",
                panels=tuple(panels),
                whole_x=True,
            ),
            draw=draw_panels,
        )


def _exposures(details: AnswerDetails) -> Iterator[Planned]:
    """Plan by how much the exposures shown depart from those planned."""
    everyone = [one for arm in details.arms for one in arm.evaluators]
    planned = np.concatenate(
        [one.planned_ms for one in everyone if one.planned_ms is not None]
    )
    shown = np.concatenate(
        [one.shown_ms for one in everyone if one.shown_ms is not None]
    )
    known = np.isfinite(shown)
    if not known.any():
        return
    off = (shown - planned)[known]
    levels = np.unique(planned[known])
    by_level = [off[planned[known] == level] for level in levels]
    low, middle, high = (
        tuple(float(np.quantile(one, share)) for one in by_level)
        for share in (0.05, 0.5, 0.95)
    )
    reach = np.quantile(off, [0.05, 0.5, 0.95])
    yield Planned(
        kind="exposures",
        title="Exposure shown less exposure planned: median and 90 % of the images",
        alt=(
            f"Of {off.size} measured exposures, the median departs by "
            f"{reach[1]:+.1f} ms from the plan and nine in ten lie between "
            f"{reach[0]:+.1f} and {reach[2]:+.1f} ms; "
            f"{int(np.count_nonzero(~known))} were not measured."
        ),
        data=Panels(
            title="Exposure shown and planned",
            x_label="planned, ms",
            y_label="shown less planned, ms",
            panels=(
                Panel(
                    title="",
                    series=(
                        Series(
                            "points",
                            x=_plain(levels.astype(np.float64)),
                            y=middle,
                            low=low,
                            high=high,
                        ),
                    ),
                    marks=(Mark("y", 0.0),),
                ),
            ),
        ),
        draw=draw_panels,
    )


def _score_texts(report: Report) -> dict[str, str]:
    column = score_columns(report.study)[0]
    return {
        row.arm_label: printed(column, cell)
        for row, cell in cells_of(report, column)
        if cell.value is not None
    }


def _score_values(report: Report) -> dict[str, tuple[float, ...]]:
    column = score_columns(report.study)[0]
    return {
        row.arm_label: (cell.value,)
        for row, cell in cells_of(report, column)
        if cell.value is not None
    }


def _thinned(n: int) -> NDArray[np.int64]:
    if n <= MAX_POINTS:
        return np.arange(n)
    return np.linspace(0, n - 1, MAX_POINTS).round().astype(np.int64)


def _plain(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(values.tolist())


def _percent(values: Sequence[float | None]) -> tuple[float | None, ...]:
    return tuple(None if value is None else 100 * value for value in values)
