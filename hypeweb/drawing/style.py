"""How every figure looks, and how it becomes bytes."""

import io
from contextlib import AbstractContextManager
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Raised when the same data would be drawn differently.
VERSION = 1
INK, SOFT, LINE, PAPER = "#16191d", "#545b63", "#c9c9c1", "#ffffff"
# Okabe and Ito (2008): apart for every kind of colour vision. Series differ in marker
# and dashes as well, so that they are apart in grey too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
WIDTH_IN, HEIGHT_IN = 4.6, 3.0
PNG_DPI = 200
SETTINGS = {
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 9,
    "pdf.fonttype": 42,  # text stays text; journals refuse Type 3
    "svg.fonttype": "path",
    "svg.hashsalt": "hypeweb",
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}


@dataclass(frozen=True)
class Rendering:
    """One figure in the formats that are offered."""

    svg: bytes
    pdf: bytes
    png: bytes


def styled() -> AbstractContextManager[None]:
    """Draw in this style within."""
    return mpl.rc_context(SETTINGS)  # type: ignore[arg-type]


def new_axes() -> tuple[Figure, Axes]:
    """Return a figure of one panel; its maker is within `styled()`."""
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    return figure, figure.subplots()


def render(figure: Figure, *, title: str) -> Rendering:
    """Return a figure's bytes, the same for the same figure."""
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
    found = {}
    for kind, metadata in undated.items():
        buffer = io.BytesIO()
        figure.savefig(
            buffer, format=kind, dpi=PNG_DPI, metadata={"Title": title, **metadata}
        )
        found[kind] = buffer.getvalue()
    return Rendering(**found)


def versions() -> str:
    """Return what besides the data decides how a figure looks."""
    return f"{VERSION}, matplotlib {mpl.__version__}"
