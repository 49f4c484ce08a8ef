import sys

import pytest

from metrics.errors import MetricsError
from metrics.plot import plot_evaluation

EMPTY = {"metrics": {"fid": 1.0}, "provenance": {}, "details": {}}


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_plot_evaluation_draws_what_little_there_is(tmp_path, suffix):
    out = tmp_path / f"a.{suffix}"

    plot_evaluation(EMPTY, out)

    assert out.stat().st_size > 1000


def test_plot_evaluation_refuses_other_kinds(tmp_path):
    with pytest.raises(MetricsError, match=r"must end in \.png, \.pdf, \.svg"):
        plot_evaluation(EMPTY, tmp_path / "a.txt")


def test_plot_evaluation_names_a_place_it_cannot_write(tmp_path):
    with pytest.raises(MetricsError, match="cannot be written"):
        plot_evaluation(EMPTY, tmp_path / "none" / "a.png")


def test_plot_evaluation_needs_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(MetricsError, match="need the package matplotlib; install it"):
        plot_evaluation(EMPTY, tmp_path / "a.png")
