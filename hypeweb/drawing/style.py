"""How every figure looks, and how it becomes bytes."""

import io
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Raised when the same data would be drawn differently.
VERSION = 3
INK, SOFT, LINE, PAPER = "#16191d", "#545b63", "#c9c9c1", "#ffffff"
# Okabe and Ito (2008): apart for every kind of colour vision. Series differ in marker
# and dashes as well, so that they are apart in grey too.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))
# One column of a journal: nothing is made smaller in print, nor on a phone.
WIDTH_IN, HEIGHT_IN = 3.5, 2.4
PNG_DPI = 300
SMALL, TITLE = 7.0, 8.0
# The same drawing on the dark ground of the page.
DARK = {
    INK: "#e8e8e3",
    SOFT: "#a4abb2",
    LINE: "#41474d",
    PAPER: "#121416",
    "#0072b2": "#4aa8e0",
    "#d55e00": "#ef8a3d",
    "#009e73": "#2fbf96",
    "#cc79a7": "#dc94bb",
}
SETTINGS = {
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.titlesize": TITLE,
    "axes.titleweight": "bold",
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same everywhere
    "font.size": 8,
    "pdf.fonttype": 42,  # text stays text; journals refuse Type 3
    "svg.fonttype": "path",
    "svg.hashsalt": "hypeweb",
    "text.color": INK,
    "text.parse_math": False,  # names are names, with $ too
    "xtick.color": SOFT,
    "xtick.labelsize": 7,
    "ytick.color": SOFT,
    "ytick.labelsize": 7,
}


@dataclass(frozen=True)
class Rendering:
    """One figure in the formats that are offered."""

    svg: bytes
    dark_svg: bytes
    pdf: bytes
    png: bytes
    width_pt: int
    height_pt: int


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
    width, height = figure.get_size_inches()
    return Rendering(
        svg=found["svg"],
        dark_svg=_darkened(found["svg"]),
        pdf=found["pdf"],
        png=found["png"],
        width_pt=round(72 * width),
        height_pt=round(72 * height),
    )


def _darkened(svg: bytes) -> bytes:
    """Return a drawing with each colour of this style as it is on a dark ground."""
    return re.sub(
        rb"#[0-9a-f]{6}",
        lambda found: DARK.get(found[0].decode(), found[0].decode()).encode(),
        svg,
    )


def versions() -> str:
    """Return what besides the data decides how a figure looks."""
    return f"{VERSION}, matplotlib {mpl.__version__}"
