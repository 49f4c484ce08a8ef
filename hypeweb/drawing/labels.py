"""Names beside their points, where they cover neither each other nor a point."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.transforms import Bbox

from hypeweb.drawing.style import SMALL

MAX_NAMES = 12
GAP_PT = 4.0
# Of DejaVu Sans: mean width and height of a letter as shares of its size.
LETTER_WIDE, LETTER_HIGH = 0.62, 1.15


def label_points(
    axes: Axes, xs: Sequence[float], ys: Sequence[float], names: Sequence[str]
) -> None:
    """Write the names beside their points; one without room is left out."""
    if len(names) > MAX_NAMES:
        return
    scale = axes.figure.get_dpi() / 72
    frame = axes.get_window_extent()
    places = axes.transData.transform(list(zip(xs, ys, strict=True)))
    half = GAP_PT * scale * 0.6
    taken = [
        Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in places
    ]
    for (x, y), name in zip(places, names, strict=True):
        wide = LETTER_WIDE * SMALL * len(name) * scale
        high = LETTER_HIGH * SMALL * scale
        gap = GAP_PT * scale
        corners = (
            (x + gap, y + 1),
            (x + gap, y - high - 1),
            (x - gap - wide, y + 1),
            (x - gap - wide, y - high - 1),
            (x - wide / 2, y + gap),
            (x - wide / 2, y - gap - high),
        )
        for left, bottom in corners:
            box = Bbox.from_bounds(left, bottom, wide, high)
            is_within = frame.x0 <= box.x0 and box.x1 <= frame.x1
            is_within = is_within and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if is_within and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                across, up = axes.transAxes.inverted().transform((left, bottom))
                axes.annotate(
                    name,
                    (across, up),
                    xycoords="axes fraction",
                    fontsize=SMALL,
                    annotation_clip=False,
                ).set_in_layout(False)
                break
