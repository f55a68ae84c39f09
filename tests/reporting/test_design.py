"""The picture of docs/design.md shows the package as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitprune.reporting.design import WIDTH, draw, families
from exitprune.variants import ROOMS, names_of

DOCS = Path(__file__).parents[2] / "docs"
FAMILIES = [family.name for room in ROOMS for family in families(room)]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_picture_shows_every_variant(family: str) -> None:
    picture = (DOCS / "design.svg").read_text()
    missing = [name for name in (f"{family}/", *names_of(family)) if name not in picture]
    assert not missing, "run `snakemake --cores 1 docs`"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_page_tells_of_every_family(family: str) -> None:
    assert f"`{family}/`" in (DOCS / "design.md").read_text()


def test_every_question_fits_its_box() -> None:
    figure = draw()
    figure.canvas.draw()
    (axes,) = figure.axes
    right = axes.transData.transform((WIDTH - 0.3, 0))[0]
    assert [text.get_text() for text in axes.texts if text.get_window_extent().x1 > right] == []


def test_families_stand_in_the_order_of_the_flow() -> None:
    pruning = [family.name for family in families("pruning")]
    assert pruning.index("orders") < pruning.index("schedules") < pruning.index("criteria")
