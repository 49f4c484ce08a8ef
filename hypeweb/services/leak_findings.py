"""What the leak audit found, as the study page prints and draws it."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypeweb.models import LeakAudit, LeakContrast, TraceAudit
from hypeweb.science.leaks import Auc

CHART_WIDTH, CHART_HEIGHT = 160, 40
KIND = LeakContrast.Kind
LABELS = {
    KIND.QUALIFICATION: "Qualification",
    KIND.GOLD: "Attention checks",
    KIND.MIXED: "Attention checks among the others",
}


@dataclass(frozen=True)
class TraceFinding:
    """One measure of the table: how far it separates, and its histogram to draw."""

    name: str
    is_visible: bool
    separates: bool
    auc_text: str
    low_text: str
    high_text: str
    first_path: str
    second_path: str


@dataclass(frozen=True)
class ContrastFinding:
    """What the audit found of an arm, or of further images, as the page prints it."""

    label: str
    first: str
    second: str
    is_leak: bool
    auc_text: str
    interval_text: str
    n_text: str
    hidden_text: str
    traces: tuple[TraceFinding, ...]


def findings_of(audit: LeakAudit | None) -> list[ContrastFinding]:
    """Return what the study page shows of an audit."""
    if audit is None:
        return []
    found = audit.contrasts.select_related("arm").prefetch_related("traces")
    return [_contrast_finding(contrast) for contrast in found]


def _contrast_finding(found: LeakContrast) -> ContrastFinding:
    is_mixed = found.kind == KIND.MIXED
    first, second = ("scored", "checks") if is_mixed else ("real", "generated")
    return ContrastFinding(
        label=found.arm.label if found.arm else LABELS[KIND(found.kind)],
        first=first,
        second=second,
        is_leak=found.is_leak,
        auc_text=f"{found.auc:.2f}",
        interval_text=f"[{found.low:.2f}, {found.high:.2f}]",
        n_text=f"{found.n_first} {first}, {found.n_second} {second}",
        hidden_text=f"{found.auc_with_hidden:.2f}",
        traces=tuple(_trace_finding(trace) for trace in found.traces.all()),
    )


def _trace_finding(trace: TraceAudit) -> TraceFinding:
    auc = Auc(trace.auc, trace.low, trace.high)
    low, high = trace.edges[0], trace.edges[-1]
    is_constant = len(trace.edges) == 2  # noqa: PLR2004 one bin around the value
    tallest = max(
        count / max(sum(counts), 1)
        for counts in (trace.first_counts, trace.second_counts)
        for count in counts
    )
    return TraceFinding(
        name=trace.name,
        is_visible=trace.is_visible,
        separates=auc.exceeds(),
        auc_text=f"{trace.auc:.2f}",
        low_text=f"{(low + high) / 2 if is_constant else low:.4g}",
        high_text="" if is_constant else f"{high:.4g}",
        first_path=_outline(trace.first_counts, tallest=tallest),
        second_path=_outline(trace.second_counts, tallest=tallest),
    )


def _outline(counts: Sequence[int], *, tallest: float) -> str:
    """Return a histogram's outline as the path of a drawing."""
    width = CHART_WIDTH / len(counts)
    path = [f"M0 {CHART_HEIGHT}"]
    for number, count in enumerate(counts):
        height = CHART_HEIGHT * count / max(sum(counts), 1) / tallest
        path += [f"V{CHART_HEIGHT - height:.1f}", f"H{(number + 1) * width:.1f}"]
    return "".join([*path, f"V{CHART_HEIGHT}"])
