"""What the compositor drew, read from Chromium's own trace.

The page says in the trace when it asked for a change (`performance.mark`); the frame
that then drew it, and the display's frame period, are the compositor's.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

CATEGORIES = ("disabled-by-default-devtools.timeline.frame", "blink.user_timing")
ON, OFF = "witness-on", "witness-off"
SHORTEST_PERIOD_US = 2_000
# A change that was not drawn for this long was not drawn at all.
LONGEST_WAIT_US = 250_000


@dataclass(frozen=True)
class Drawn:
    """One exposure as the compositor drew it."""

    frames: int
    frame_ms: float

    @property
    def shown_ms(self) -> float:
        return self.frames * self.frame_ms


class Trace:
    """Records one page's frames; `drawn` says what they showed."""

    def __init__(self, browser):
        self._session = browser.new_browser_cdp_session()
        self._events = []
        self._is_done = False
        self._session.on("Tracing.dataCollected", self._collect)
        self._session.on("Tracing.tracingComplete", self._finish)

    def _collect(self, data):
        self._events += data["value"]

    def _finish(self, _):
        self._is_done = True

    def start(self):
        self._session.send(
            "Tracing.start",
            {
                "transferMode": "ReportEvents",
                "traceConfig": {"includedCategories": list(CATEGORIES)},
            },
        )

    def stop(self, page):
        self._session.send("Tracing.end")
        while not self._is_done:
            page.wait_for_timeout(50)
        self._session.detach()
        return self._events


def drawn(events):
    """Return every exposure of a trace in order; None for one that was never drawn.

    The compositor draws only where something visible changed. The first frame drawn
    after the page asked for the stimulus shows it. The end is in the first frame drawn
    after the page asked for it; where the page leaves that to the compositor, in the
    next one that was drawn at all.
    """
    on, off = (
        sorted(e["ts"] for e in events if e["name"] == name and e["ph"] in "IRin")
        for name in (ON, OFF)
    )
    begun = sorted({e["ts"] for e in events if e["name"] == "BeginFrame"})
    draws = sorted(e["ts"] for e in events if e["name"] == "DrawFrame")
    return [
        _exposure(asked, next((ts for ts in off if ts > asked), None), begun, draws)
        for asked in on
    ]


def period_us(begun):
    """Return the display's frame period: the gap of neighbouring frames."""
    gaps = sorted(b - a for a, b in pairwise(begun) if b - a > SHORTEST_PERIOD_US)
    return median(gaps[: max(1, len(gaps) // 2)])


def _exposure(on, off, begun, draws):
    place = bisect_left(draws, on)
    last = place + 1 if off is None else bisect_left(draws, off)
    if last >= len(draws) or draws[place] - on > LONGEST_WAIT_US:
        return None
    frame_us = period_us(begun)
    shown_us = _vsync(begun, draws[last]) - _vsync(begun, draws[place])
    return Drawn(frames=round(shown_us / frame_us), frame_ms=frame_us / 1000)


def _vsync(begun, draw):
    """Return the beginning of the frame that something was drawn in."""
    return begun[bisect_left(begun, draw) - 1]
