"""What all figures share: the theme, one look per recipe, how values of the paper are drawn, and how a figure is saved.

Orders differ by line, marker and hatch as well as by colour, so that a figure can be read in greyscale.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

DPI = 150
WIDTH = 10.0
"""Inches, of every figure."""
PALETTE = sns.color_palette("colorblind").as_hex()


@dataclass(frozen=True)
class Look:
    """How a recipe is drawn, everywhere."""

    colour: str
    marker: str
    line: str | tuple[int, tuple[int, ...]]
    hatch: str

    @property
    def bar(self) -> dict[str, Any]:
        """For bars and their places in a legend."""
        return {"facecolor": self.colour, "hatch": self.hatch, "edgecolor": "white", "linewidth": 0.3}


LOOKS = {"joint": Look(PALETTE[0], "o", "-", ""), "sequential": Look(PALETTE[1], "s", "--", "/////")}
OTHERS = (Look(PALETTE[2], "^", "-.", "....."), Look(PALETTE[4], "D", (0, (3, 1, 1, 1, 1, 1)), "xxxxx"))
UNPRUNED: dict[str, Any] = {"color": "0.35", "linestyle": ":", "linewidth": 1.6, "label": "unpruned"}
PAPER: dict[str, Any] = {"color": "black", "linestyle": "none", "markersize": 6, "markeredgewidth": 1.3, "zorder": 5}


def looks(recipes: list[str]) -> dict[str, Look]:
    """A look for each recipe; those the paper does not know take the spare ones in turn."""
    spare = [recipe for recipe in recipes if recipe not in LOOKS]
    return {recipe: LOOKS.get(recipe) or OTHERS[spare.index(recipe) % len(OTHERS)] for recipe in recipes}


@contextmanager
def theme(name: str) -> Iterator[None]:
    """Draw within this: seaborn's theme, and identifiers in the SVG that depend on the figure's name alone."""
    look: dict[Any, Any] = {**sns.axes_style("whitegrid"), **sns.plotting_context("paper", font_scale=1.1)}
    ours: dict[Any, Any] = {
        "svg.hashsalt": name,
        "hatch.linewidth": 0.6,
        "axes.titleweight": "bold",
        "axes.titlesize": 10.5,
        "grid.color": "0.9",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib: the same shapes everywhere
    }
    with matplotlib.rc_context({**look, **ours}):
        yield


def new_figure(height: float) -> Figure:
    """An empty figure of the common width, laid out by itself."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def save(figure: Figure, svg: Path, png: Path) -> None:
    """Write both files; the same figure gives the same bytes."""
    for path in (svg, png):
        path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(svg, metadata={"Date": None})
    figure.savefig(png, dpi=DPI, metadata={"Software": None})


def band(axes: Axes, table: pd.DataFrame, x: str, y: str, look: Look, label: str, markers: bool = False) -> None:
    """A mean curve and its band (none with one seed)."""
    marker = look.marker if markers else ""
    axes.plot(table[x], table[y], color=look.colour, linestyle=look.line, marker=marker, markersize=5, label=label)
    axes.fill_between(table[x], table["low"], table["high"], color=look.colour, alpha=0.2, linewidth=0)


def band_note(table: pd.DataFrame) -> str:
    """What a line and its band are, in a few words: the table says it."""
    kinds = list(table["band"].unique())
    return "one seed, no band" if kinds == ["one seed"] else f"mean and {', '.join(kinds)}"


def papers_values(tables: Path, quantity: str) -> pd.DataFrame:
    """The paper's values where they are comparable with ours, else no rows."""
    table = pd.read_csv(tables / "paper_comparison.csv")
    return table[(table["quantity"] == quantity) & table["comparable"].astype(bool)]


def in_percent(axes: Axes) -> None:
    """Label a y axis of fractions in per cent, with as many decimals as its ticks need."""
    axes.yaxis.set_major_formatter(PercentFormatter(1))


def empty_figure(reason: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    figure = new_figure(2)
    figure.text(0.5, 0.5, f"nothing to draw: {reason}", ha="center", va="center")
    return figure
