import io
import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from hypeweb.drawing.dots import Dot, DotPanel, Dots, draw_dots
from hypeweb.drawing.labels import fitted, width_pt
from hypeweb.drawing.panels import (
    QUIET,
    Mark,
    Panel,
    Panels,
    Series,
    _spread_ticks,
    draw_panels,
)
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
        marks=(Mark("y", 75.0), Mark("x", 300.0)),
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


def test_named_series_are_told_in_a_legend_below():
    def drawn(*names):
        series = tuple(
            Series("points", (float(tone),), (1.0,), name=name, tone=tone)
            for tone, name in enumerate(names)
        )
        return draw_panels(panels(2, series=series))

    bare, named = drawn("", ""), drawn("one arm", "another arm")
    # A line for each name, once for both panels.
    assert named.height_pt - bare.height_pt == pytest.approx(2 * 0.17 * 72, abs=1)


def test_names_are_wrapped_and_keep_their_ends():
    name = "StyleGAN2-ADA of 2020, 140k steps, truncation 0.5"
    lines = fitted(name, 92.0, size=8.0).split("\n")
    assert lines[0] == "StyleGAN2-ADA of"
    assert lines[1].startswith("…")
    assert lines[1].endswith(" truncation 0.5")
    assert all(width_pt(line, size=8.0) <= 92.0 for line in lines)
    assert fitted("early", 92.0, size=8.0) == "early"
    assert fitted("a" * 60, 92.0, size=8.0).startswith("aaaaaaaaaa")
    assert "\n" not in fitted(name, 92.0, size=8.0, n_lines=1)
    assert fitted("wide", 0.0, size=8.0) == "w\n…"
    assert fitted("Threshold at 75 % ↑", 74.0, size=8.0) == "Threshold at\n75 % ↑"


def test_names_with_signs_of_formulas_are_names():
    draw_panels(
        panels(panels=(Panel("costs $5_ and $x^{", panels().panels[0].series),))
    )


@pytest.mark.parametrize("n", [1, 4, 9])
def test_labels_of_a_log_axis_do_not_touch(n, monkeypatch):
    kept = []

    def spread(axes):
        _spread_ticks(axes)
        dpi = axes.figure.get_dpi()
        at = axes.xaxis.get_majorticklocs()
        places = axes.transData.transform([(one, 1.0) for one in at])[:, 0] * 72 / dpi
        kept.append((at, places))

    monkeypatch.setattr("hypeweb.drawing.panels._spread_ticks", spread)
    series = (Series("line", (180.0, 2000.0), (1.0, 2.0)),)
    draw_panels(panels(n, series=series, x_scale="log"))
    assert len(kept) == n
    for at, places in kept:
        halves = [width_pt(f"{one:g}", size=7.0) / 2 for one in at]
        for number in range(1, len(at)):
            gap = places[number] - places[number - 1]
            assert gap >= halves[number] + halves[number - 1]


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
