import io
import math
import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from hypeweb.drawing.curves import Curve, Point, draw_curve

SIZE_SVG = re.compile(r'width="([\d.]+)pt" height="([\d.]+)pt"')


def curve(*points, **fields):
    points = points or (
        Point(0.5, "0.5", 12.0, 8.0, 17.0),
        Point(0.7, "0.7", 20.0, None, None),
        Point(math.inf, "none", 31.0, 25.0, 38.0),
    )
    return Curve(
        **{
            "title": "HYPE_inf",
            "x_label": "truncation",
            "y_label": "HYPE_inf, %",
            "points": points,
            **fields,
        }
    )


def test_every_format_is_what_it_says():
    drawn = draw_curve(curve(reference=50.0, reference_label="chance"))
    ET.fromstring(drawn.svg)  # noqa: S314 - our own
    assert b"<title>" in drawn.svg or b"HYPE_inf" in drawn.svg
    width, height = map(float, SIZE_SVG.search(drawn.svg.decode()).groups())
    assert (width, height) == pytest.approx((252.0, 172.8))
    assert drawn.pdf.startswith(b"%PDF-")
    with Image.open(io.BytesIO(drawn.png)) as image:
        assert image.size == (1050, 720)


def test_the_same_data_gives_the_same_bytes():
    assert draw_curve(curve()) == draw_curve(curve())


def test_other_data_gives_other_bytes():
    other = curve(Point(0.5, "0.5", 12.0, 8.0, 17.0), Point(0.7, "0.7", 20.5, 1, 30))
    assert draw_curve(curve()).png != draw_curve(other).png


@pytest.mark.parametrize(
    "points",
    [
        (Point(math.inf, "none", 1.0, None, None),),
        (Point(3.0, "3", 1.0, 0.5, None),),
        tuple(Point(10.0**i, f"{10**i}", i, i - 1, i + 1) for i in range(8)),
        tuple(Point(i, str(i), i % 3, None, None) for i in range(60)),
        (Point(0.0, "0", 5.0, 5.0, 5.0), Point(9000.0, "9000", 5.0, 4.0, 6.0)),
    ],
)
def test_every_shape_of_sweep_is_drawn(points):
    assert draw_curve(curve(*points)).png.startswith(b"\x89PNG")
