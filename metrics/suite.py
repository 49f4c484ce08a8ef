"""Run the steps that the wanted metrics ask for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from metrics.distance_steps import DISTANCE_STEPS
from metrics.distribution_steps import DISTRIBUTION_STEPS
from metrics.errors import MetricsError
from metrics.findings import Finding
from metrics.intervals import METHODS
from metrics.metric_names import METRIC_NAMES
from metrics.options import Progress
from metrics.step import Results, Step, Task

STEPS = (*DISTANCE_STEPS, *DISTRIBUTION_STEPS)


@dataclass
class Outcome(Results):
    """What all steps found.

    Attributes
    ----------
    findings : list of Finding
        Metrics and intervals that could not be computed.
    """

    findings: list[Finding] = field(default_factory=list)


def compute(
    task: Task,
    names: Sequence[str],
    *,
    report: Callable[[Progress], None],
) -> Outcome:
    """Return the wanted metrics of two sides.

    Parameters
    ----------
    task : Task
        The two sides and how to compare them.
    names : sequence of str
        Wanted metrics.
    report : callable
        Called with a `Progress` before each step and at the end.

    Returns
    -------
    Outcome
        Values and intervals of the wanted names, in the order of `METRIC_NAMES`; what
        cannot be computed is left out, with a warning that says why.

    Raises
    ------
    MetricsError
        If none of the wanted metrics can be computed.
    """
    outcome = Outcome()
    values: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    reasons: dict[str, list[str]] = {}
    steps = [step for step in STEPS if set(names) & set(step.metrics)]
    for done, step in enumerate(steps):
        report(Progress(step.name, done, len(steps)))
        wanted = [name for name in step.metrics if name in names]
        found, reason = _attempt(step, task)
        lacking = [name for name in wanted if name not in found.metrics]
        if lacking:
            reasons.setdefault(reason, []).extend(lacking)
        values |= found.metrics
        intervals |= found.intervals
        outcome.details |= found.details
        outcome.nearest = found.nearest or outcome.nearest
        outcome.manifold = found.manifold or outcome.manifold
    report(Progress("done", len(steps), len(steps)))
    for reason, lacking in reasons.items():
        message = f"{', '.join(lacking)} cannot be computed: {reason}"
        outcome.findings.append(Finding("metric-not-computed", message))
    ordered = [name for name in METRIC_NAMES if name in names and name in values]
    if not ordered:
        raise MetricsError("; ".join(found.message for found in outcome.findings))
    outcome.metrics = {name: float(values[name]) for name in ordered}
    outcome.intervals = {name: intervals[name] for name in ordered if name in intervals}
    if task.has_intervals:
        outcome.findings += _without_interval(outcome, task)
    return outcome


def _without_interval(outcome: Outcome, task: Task) -> list[Finding]:
    """Return one finding for all metrics whose interval is wanted and missing."""
    lacking = [
        name
        for name in outcome.metrics
        if name in METHODS and name not in outcome.intervals
    ]
    if not lacking:
        return []
    reason = task.missing("features") or "there are too few images"
    message = f"{', '.join(lacking)} without an interval: {reason}"
    return [Finding("interval-not-computed", message)]


def _attempt(step: Step, task: Task) -> tuple[Results, str]:
    """Return what a step found, and why it lacks what it lacks."""
    missing = task.missing(step.need)
    if missing:
        return Results(), missing
    try:
        found = step.run(task)
    except ValueError as error:
        return Results(), str(error)
    return found, task.missing("features") or "there are too few images"
