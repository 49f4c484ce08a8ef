import io
import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from hypeweb.drawing.dots import Dot, DotPanel, Dots, draw_dots
from hypeweb.drawing.panels import QUIET, Mark, Panel, Panels, Series, draw_panels
from hypeweb.drawing.style import DARK, PAPER

LOOKS = ("line", "points", "joined", "hair", "steps", "bars", "band")


def panels(n=1, *, series=None, **fields):
    drawn = series or (
        Series("points", (1.0, 2.0), (3.0, 4.0), (2.0, None), (4, None)),
    )
    return Panels(
        **{
            "title": "A figure",
            "x_label": "x",
            "y_label": "y",
            "panels": tuple(Panel(f"Panel {i}", drawn, note="n") for i in range(n)),
            **fields,
        }
    )


def dots(n, **fields):
    return Dots(
        title="Scores",
        names=tuple(f"arm {i}" for i in range(n)),
        panels=tuple(
            DotPanel(
                f"Score {i} ↑",
                "%",
                tuple(Dot(10.0 + i, 9.0, 12.0, is_best=i == 0) for i in range(n)),
                **fields,
            )
            for i in range(3)
        ),
    )


def height_px(drawn):
    with Image.open(io.BytesIO(drawn.png)) as image:
        assert image.width == 1050
        return image.height


@pytest.mark.parametrize("n", [1, 2, 3, 4, 30])
def test_panels_keep_the_width_of_a_column_and_grow_downwards(n):
    drawn = draw_panels(panels(n))
    assert drawn.width_pt == 252
    assert height_px(drawn) == pytest.approx(drawn.height_pt * 300 / 72, abs=3)


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_draws(look):
    one = Series(look, (1.0, 2.0, 3.0), (3.0, 4.0, 5.0), (2, 3, 4), (4, 5, 6), tone=1)
    ground = Series(look, (1.0, 2.0), (3.0, 4.0), (2, None), (4, None), tone=QUIET)
    drawn = draw_panels(panels(series=(one, ground)))
    assert drawn.svg != draw_panels(panels(series=(one,))).svg


def test_axes_are_shared_unless_panels_have_their_own():
    own = tuple(
        Panel("", (Series("points", (at,), (1.0,)),), x_label=f"metric {at:.0f}")
        for at in (1.0, 900.0)
    )
    together = draw_panels(panels(panels=own))
    apart = draw_panels(panels(panels=own, shares_x=False))
    assert together.png != apart.png


def test_marks_scales_and_limits_draw():
    marked = Panel(
        "Marked",
        (Series("line", (100.0, 1000.0), (50.0, 99.0)),),
        marks=(Mark("y", 75.0, "75 %"), Mark("x", 300.0, "arm", is_below=True)),
    )
    drawn = draw_panels(
        panels(
            panels=(marked,),
            x_scale="log",
            x_limits=(90, 1100),
            y_limits=(0, 100),
            is_square=True,
        )
    )
    assert drawn.height_pt == pytest.approx(0.85 * 252, abs=1)


def test_names_beside_points_are_left_out_where_there_are_many():
    def with_names(n):
        names = tuple(f"arm {i}" for i in range(n))
        at = tuple(float(i) for i in range(n))
        named = draw_panels(panels(series=(Series("points", at, at, names=names),)))
        bare = draw_panels(panels(series=(Series("points", at, at),)))
        return named.png != bare.png

    assert with_names(3)
    assert not with_names(30)


@pytest.mark.parametrize("n", [1, 3, 30])
def test_dots_give_every_arm_a_row(n):
    few, many = draw_dots(dots(n)), draw_dots(dots(n + 5, reference=50.0))
    assert height_px(few) <= height_px(many)


def test_what_is_missing_or_open_on_a_side_draws():
    data = Dots(
        "Thresholds",
        ("a", "b", "c"),
        (
            DotPanel(
                "Threshold",
                "ms",
                (Dot(None, None, None), Dot(None, 700.0, None), Dot(300, None, 400)),
            ),
        ),
    )
    ET.fromstring(draw_dots(data).svg)  # noqa: S314 - our own


def test_the_dark_drawing_differs_in_its_colours_alone():
    drawn = draw_dots(dots(2))
    light, dark = drawn.svg.decode(), drawn.dark_svg.decode()
    assert PAPER in light
    assert not set(DARK) & set(re.findall(r"#[0-9a-f]{6}", dark))
    colour = re.compile(r"#[0-9a-f]{6}")
    assert colour.sub("", light) == colour.sub("", dark)


def test_the_same_data_gives_the_same_bytes():
    assert draw_panels(panels(4)) == draw_panels(panels(4))
    assert draw_dots(dots(2)) == draw_dots(dots(2))
