"""A progress bar with rate and remaining time."""

import sys
import time
from typing import TextIO

from metrics.options import Progress

_INTERVAL_S = 0.1
_WIDTH = 24


class ProgressBar:
    """Shows progress on one line of a terminal, and nothing elsewhere.

    Parameters
    ----------
    stream : TextIO
        Where to write, usually standard error.
    quiet : bool
        Show nothing at all.
    """

    def __init__(self, stream: TextIO = sys.stderr, *, quiet: bool = False) -> None:
        self._stream = stream
        self._shown = not quiet and stream.isatty()
        self._stage = ""
        self._started = self._last = 0.0

    def show(self, progress: Progress) -> None:
        """Draw the bar anew, at most ten times a second.

        Parameters
        ----------
        progress : Progress
            How far the evaluation is.
        """
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._started, self._last = progress.stage, now, 0.0
        if not self._shown or (
            now - self._last < _INTERVAL_S and progress.done < progress.total
        ):
            return
        self._last = now
        self._stream.write(f"\r\x1b[K{line(progress, now - self._started)}")
        self._stream.flush()

    def close(self) -> None:
        """Clear the line."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


def line(progress: Progress, seconds: float) -> str:
    """Return the bar as text.

    Parameters
    ----------
    progress : Progress
        How far the stage is.
    seconds : float
        Time since the stage began.

    Returns
    -------
    str
        Stage, bar, counts, rate per second and remaining time.
    """
    share = progress.done / progress.total if progress.total else 1.0
    filled = round(share * _WIDTH)
    bar = "#" * filled + "." * (_WIDTH - filled)
    text = f"{progress.stage:<28} [{bar}] {progress.done}/{progress.total}"
    if 0 < progress.done < progress.total and seconds > 0:
        rate = progress.done / seconds
        left = round((progress.total - progress.done) / rate)
        text += f"  {rate:.1f}/s  {left // 60}:{left % 60:02d} left"
    return text
