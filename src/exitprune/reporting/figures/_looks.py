"""One look per recipe, and the colours and sizes of all figures. Needs no matplotlib: the report has the same colours.

The theme is that of seaborn's whitegrid, paper and colorblind, with thinner lines of the grid. It is written out since
importing seaborn, which imports scipy's statistics, takes as long as drawing a figure.
Source: Waskom 2021, "seaborn: statistical data visualization", doi:10.21105/joss.03021; version 0.13.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PALETTE = (
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
)
"""Ten colours that people who see few colours tell apart."""
THEME: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": ".8",
    "axes.grid": True,
    "axes.labelcolor": ".15",
    "axes.labelsize": 12 * 0.8 * 1.1,
    "axes.linewidth": 1.0,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same shapes everywhere
    "font.size": 12 * 0.8 * 1.1,
    "grid.color": ".9",
    "grid.linewidth": 0.8,
    "hatch.linewidth": 0.6,
    "legend.fontsize": 11 * 0.8 * 1.1,
    "legend.title_fontsize": 12 * 0.8 * 1.1,
    "lines.linewidth": 1.5 * 0.8,
    "lines.markersize": 6 * 0.8,
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    "patch.linewidth": 0.8,
    "text.color": ".15",
    **{f"{axis}tick.color": ".15" for axis in "xy"},
    **{f"{axis}tick.labelsize": 11 * 0.8 * 1.1 for axis in "xy"},
    **{f"{axis}tick.major.size": 6 * 0.8 for axis in "xy"},
    **{f"{axis}tick.major.width": 1.0 for axis in "xy"},
    **{f"{axis}tick.minor.size": 3.2 for axis in "xy"},
    **{f"{axis}tick.minor.width": 0.8 for axis in "xy"},
    "xtick.bottom": False,
    "ytick.left": False,
}
"""matplotlib's parameters; sizes in points."""


@dataclass(frozen=True)
class Look:
    """How a recipe is drawn, everywhere."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]
    hatch: str

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
    Look(PALETTE[2], "^", "-.", "....."),
    Look(PALETTE[4], "D", (0, (3, 1, 1, 1, 1, 1)), "xxxxx"),
    Look(PALETTE[3], "v", (0, (7, 2)), "\\\\\\\\\\"),
    Look(PALETTE[9], "P", (0, (2, 2)), "-----"),
    Look(PALETTE[5], "X", (0, (7, 1, 1, 1)), "+++++"),
    Look(PALETTE[7], "<", (0, (4, 1)), "|||||"),
    Look(PALETTE[6], ">", (0, (5, 1, 1, 1, 1, 1)), "ooooo"),
    Look(PALETTE[8], "p", (0, (1, 2, 4, 2)), "*****"),
)
"""With the paper's two, ten recipes look different."""


def looks(recipes: list[str]) -> dict[str, Look]:
    """A look for each recipe; those the paper does not know take the spare ones in turn."""
    spare = [recipe for recipe in recipes if recipe not in LOOKS]
    return {recipe: LOOKS.get(recipe) or OTHERS[spare.index(recipe) % len(OTHERS)] for recipe in recipes}
