"""Recipes in figures: each its own look, and no crowd of bands."""

from __future__ import annotations

import pandas as pd
import pytest

from exitprune.reporting.drawing import bands, bands_together
from exitprune.reporting.looks import CROWD, LOOKS, OTHERS, looks, looks_together

MANY = [*LOOKS, *(f"recipe{number}" for number in range(len(OTHERS)))]


@pytest.mark.parametrize("what", ["colour", "marker", "line", "hatch"])
def test_each_of_twelve_recipes_has_its_own(what: str) -> None:
    assert len({getattr(look, what) for look in looks(MANY).values()}) == len(MANY) == 12


@pytest.mark.parametrize("what", ["marker", "line", "hatch"])
def test_of_more_than_twelve_none_looks_like_another(what: str) -> None:
    crowd = [*LOOKS, *(f"recipe{number}" for number in range(48))]
    assert len({(look.colour, getattr(look, what)) for look in looks(crowd).values()}) == len(crowd) == 50


def test_of_a_crowd_in_one_panel_the_two_that_claims_are_about_alone_have_bands() -> None:
    assert all(look.shade for look in looks_together(MANY[:CROWD]).values())
    assert [recipe for recipe, look in looks_together(MANY).items() if look.shade] == MANY[:2]
    crowd = [*MANY[1:], "ordered", "joint"]
    assert [recipe for recipe, look in looks_together(crowd).items() if look.shade] == ["ordered", "joint"]


@pytest.mark.parametrize(
    ("recipes", "said"), [(MANY[:CROWD], "bands: t."), (MANY, "bands, of joint and sequential alone: t.")]
)
def test_a_caption_says_whose_the_bands_are(recipes: list[str], said: str) -> None:
    table = pd.DataFrame({"recipe": recipes, "num_seeds": 5, "band": "t"})
    assert bands_together(table).endswith(said)
    assert bands(table).endswith("bands: t.")
