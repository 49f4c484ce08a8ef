import io

import pytest

from metrics.options import Progress
from metrics.progress import ProgressBar, line


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_line_shows_rate_and_remaining_time():
    assert line(Progress("real images", 25, 100), 5.0) == (
        "real images                  [######..................] 25/100"
        "  5.0/s  0:15 left"
    )


@pytest.mark.parametrize(("done", "seconds"), [(0, 1.0), (100, 1.0), (5, 0.0)])
def test_line_shows_no_rate_where_there_is_none(done, seconds):
    assert line(Progress("kid", done, 100), seconds).endswith(f"{done}/100")


def test_line_of_nothing_is_full():
    assert "[########################] 0/0" in line(Progress("kid", 0, 0), 1.0)


def test_progress_bar_draws_and_clears():
    terminal = Terminal()
    bar = ProgressBar(terminal)

    bar.show(Progress("kid", 1, 2))
    bar.show(Progress("kid", 1, 2))  # too soon to draw again
    bar.show(Progress("kid", 2, 2))
    bar.close()

    assert terminal.getvalue().count("\r\x1b[K") == 3
    assert terminal.getvalue().endswith("\r\x1b[K")


@pytest.mark.parametrize(
    ("stream", "quiet"), [(io.StringIO(), False), (Terminal(), True)]
)
def test_progress_bar_is_silent_elsewhere(stream, quiet):
    bar = ProgressBar(stream, quiet=quiet)

    bar.show(Progress("kid", 1, 1))
    bar.close()

    assert stream.getvalue() == ""
