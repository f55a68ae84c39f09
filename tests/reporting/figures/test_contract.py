"""What every figure must do; a new file in figures/ is tested the day it appears."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import seaborn

from exitprune.reporting.drawing import LOOKS, NothingToDraw, looks, save, theme
from exitprune.reporting.figure_points import points_of
from exitprune.reporting.looks import PALETTE
from exitprune.variants import names_of, variant
from tests.synthetic import EVALUATE

NAMES = names_of("figures")


def drawn(name: str, tables: Path, out: Path) -> tuple[bytes, bytes]:
    with theme(name):
        save(variant("figures", name).draw(tables, EVALUATE), out / "a.svg", out / "a.png", "Title", "Caption.")
    return (out / "a.svg").read_bytes(), (out / "a.png").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_tables_give_the_same_bytes_without_a_date(name: str, digits_tables: Path, tmp_path: Path) -> None:
    svg, png = drawn(name, digits_tables, tmp_path)
    assert drawn(name, digits_tables, tmp_path) == (svg, png)
    assert b"<dc:date>" not in svg
    assert b"Software" not in png
    assert b"Caption." in svg


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_and_one_recipe_can_be_drawn_or_the_reason_why_not_be_said(name: str, lone_tables: Path) -> None:
    module = variant("figures", name)
    try:
        with theme(name):
            figure = module.draw(lone_tables, EVALUATE)
    except NothingToDraw as reason:
        with pytest.raises(NothingToDraw, match=str(reason)):
            module.alt(lone_tables, EVALUATE)
    else:
        assert figure.axes
        assert "nan" not in module.alt(lone_tables, EVALUATE)
        assert "ne seed" in module.note(lone_tables, EVALUATE)


@pytest.mark.parametrize("name", NAMES)
def test_its_values_can_be_pointed_at_within_the_picture(name: str, digits_tables: Path) -> None:
    with theme(name):
        points = points_of(variant("figures", name).draw(digits_tables, EVALUATE))
    assert points
    for series in points:
        for x, y, shown_x, shown_y in series["at"]:
            assert -0.01 <= x <= 1.01
            assert shown_x
            assert shown_y
            assert isinstance(y, float)


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_has_its_axes_named(name: str, digits_tables: Path) -> None:
    with theme(name):
        figure = variant("figures", name).draw(digits_tables, EVALUATE)
    panels = [(axes, spec) for axes in figure.axes if (spec := axes.get_subplotspec()) is not None]
    assert panels
    for axes, spec in panels:
        within = axes.get_figure(root=False)
        assert within is not None
        assert not spec.is_last_row() or axes.get_xlabel() or within.get_supxlabel()
        assert not spec.is_first_col() or axes.get_ylabel() or within.get_supylabel()


@pytest.mark.parametrize("name", NAMES)
def test_however_many_recipes_its_legends_hide_nothing(name: str, crowded_tables: Path) -> None:
    with theme(name):
        figure = variant("figures", name).draw(crowded_tables, EVALUATE)
        figure.draw_without_rendering()
    beside = [legend for part in (figure, *figure.subfigs) for legend in part.legends]
    within = [legend for axes in figure.axes if (legend := axes.get_legend()) is not None]
    for box in (legend.get_window_extent() for legend in (*beside, *within)):
        assert figure.bbox.x0 - 1 <= box.x0 <= box.x1 <= figure.bbox.x1 + 1
        assert figure.bbox.y0 - 1 <= box.y0 <= box.y1 <= figure.bbox.y1 + 1
    for box in (legend.get_window_extent() for legend in beside):
        assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes)


@pytest.mark.parametrize("name", NAMES)
def test_it_says_everything_about_itself(name: str, digits_tables: Path) -> None:
    module = variant("figures", name)
    assert module.TITLE
    assert module.CAPTION.endswith(".")
    assert [variant("figures", other).PLACE for other in NAMES].count(module.PLACE) == 1
    assert re.search(r"\b[23] seeds|One seed", module.note(digits_tables, EVALUATE))
    alt = module.alt(digits_tables, EVALUATE)
    assert re.search(r"\d", alt), "a text alternative has numbers"
    assert len(alt) > 60
    for table in module.TABLES:
        assert (digits_tables / f"{table}.csv").is_file()


def test_drawing_does_not_import_torch() -> None:
    code = (
        "import sys, exitprune.stages.figure as stage\n"
        "from exitprune.variants import names_of, variant\n"
        "[variant('figures', name) for name in names_of('figures')]\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_orders_differ_in_colour_line_marker_and_hatch() -> None:
    joint, sequential = LOOKS["joint"], LOOKS["sequential"]
    assert all(getattr(joint, way) != getattr(sequential, way) for way in ("colour", "line", "marker", "hatch"))


def test_ten_recipes_look_different() -> None:
    ten = list(looks(["joint", "sequential", *(f"recipe{number}" for number in range(8))]).values())
    for way in ("colour", "line", "marker", "hatch"):
        assert len({getattr(look, way) for look in ten}) == 10


def test_an_order_looks_the_same_whatever_stands_beside_it() -> None:
    assert looks(["sequential"])["sequential"] == looks(["joint", "sequential", "third"])["sequential"]
    assert looks(["third", "joint"])["third"] not in LOOKS.values()
    pair = looks(["joint", "ordered"])  # as figures of the two alone have it
    assert looks(["joint", "control", "ordered"])["ordered"] == pair["ordered"]


def test_the_colours_are_seaborns() -> None:
    assert list(PALETTE) == seaborn.color_palette("colorblind").as_hex()
