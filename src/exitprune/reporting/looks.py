"""One look per recipe, and the colours of all figures. Needs no matplotlib: the report has the same colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from exitprune.evaluation.pairs import FIRST, POSTERS, others_of

PALETTE = (
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
)
"""seaborn's `colorblind`: ten colours that people who see few colours tell apart."""
CROWD = 6
"""So many recipes in one panel have bands; of more, the two that claims are about."""


@dataclass(frozen=True)
class Look:
    """How a recipe is drawn, everywhere."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]
    hatch: str
    shade: float = 0.2
    """How opaque its band is; 0: it has none."""

    @property
    def dashes(self) -> str:
        """The line as SVG has it: lengths drawn and left out, in multiples of its width; empty: drawn through."""
        lengths = {"-": (), "--": (4, 2), "-.": (5, 2, 1, 2)}[self.line] if isinstance(self.line, str) else self.line[1]
        return " ".join(str(2 * length) for length in lengths)

    @property
    def bar(self) -> dict[str, Any]:
        """For bars and their places in a legend."""
        return {"facecolor": self.colour, "hatch": self.hatch, "edgecolor": "white", "linewidth": 0.3}


LOOKS = {"joint": Look(PALETTE[0], "o", "-", ""), "sequential": Look(PALETTE[1], "s", "--", "/////")}
OTHERS = (
    Look(PALETTE[2], "^", "-.", "|||||"),
    Look(PALETTE[4], "D", (0, (3, 1, 1, 1, 1, 1)), "xxxxx"),
    Look(PALETTE[3], "v", (0, (7, 2)), "\\\\\\\\\\"),
    Look(PALETTE[9], "P", (0, (2, 2)), "-----"),
    Look(PALETTE[5], "X", (0, (7, 1, 1, 1)), "+++++"),
    Look(PALETTE[7], "<", (0, (4, 1)), "//"),
    Look(PALETTE[6], ">", (0, (5, 1, 1, 1, 1, 1)), "\\\\"),
    Look(PALETTE[8], "p", (0, (1, 2, 4, 2)), "xx"),
    Look("#332288", "*", (0, (1, 1)), "||"),
    Look("#882255", "h", (0, (9, 2, 2, 2)), "--"),
)
"""With the paper's two, twelve recipes differ in everything. No dots in bars: one is dozens of numbers in a file."""


def looks(recipes: list[str]) -> dict[str, Look]:
    """A look for each recipe; those the paper does not know take the spare ones in turn, its approach 2 the first of them.

    Where there are more than twelve, colours come again, each with another marker, line and hatch.
    """
    spare = [recipe for recipe in others_of(recipes) if recipe not in LOOKS]
    return {recipe: LOOKS.get(recipe) or _spare(spare.index(recipe)) for recipe in recipes}


def _spare(number: int) -> Look:
    turn, place = divmod(number, len(OTHERS))
    shape = OTHERS[(place + turn) % len(OTHERS)]
    return replace(OTHERS[place], marker=shape.marker, line=shape.line, hatch=shape.hatch)


def looks_together(recipes: list[str]) -> dict[str, Look]:
    """The same where all recipes are in one panel: of a crowd the two that claims are about alone have bands."""
    by_claims = sorted(recipes, key=lambda recipe: (recipe != FIRST, recipe != POSTERS[0]))
    bare = by_claims[2:] if len(recipes) > CROWD else []
    return {recipe: replace(look, shade=0.0) if recipe in bare else look for recipe, look in looks(recipes).items()}
