"""Where pruning together and in order leave different sparsity, layer by layer."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation.pairs import FIRST
from exitprune.reporting.drawing import (
    PAPER,
    NothingToDraw,
    legend_above,
    looks,
    new_figure,
    over,
    papers_values,
)
from exitprune.reporting.figures._layers import height_of, layer_axes
from exitprune.reporting.formatting import points, share

PLACE = 2
TITLE = "Where pruning together and in order differ in sparsity"
CAPTION = (
    "Difference in sparsity after the last round, joint minus the recipe that the legend names, paired by seed: a bar above 0 is "
    "a layer that joint pruning left sparser. Thin lines are Student's t intervals over seeds, cut off where they are wider than "
    "the panel. Short strokes, where there are any, are the paper's; those of late convolutions stand some 4.5 points too "
    "high, since its separate approach is on drifting slides alone."
)
TABLES = ("layers_difference", "paper_comparison")


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """Bars by layer in the look of the recipe that left it sparser; the paper's differences where they are comparable."""
    table = _read(tables)
    paper = papers_values(tables, "layer sparsity").pivot(index="position", columns="recipe", values="paper")
    figure = new_figure(height_of(table))
    largest = table["difference"].abs().max()
    against = str(table["against"].iloc[0])
    pair = looks([FIRST, against])
    for axes, positions in layer_axes(figure, table):
        part = table[table["position"].isin(positions)]
        for recipe, sparser in ((FIRST, part["difference"] >= 0), (against, part["difference"] < 0)):
            axes.bar(part.loc[sparser, "position"], part.loc[sparser, "difference"], 0.8, **pair[recipe].bar)
        axes.vlines(part["position"], part["low"], part["high"], color="0.2", linewidth=0.8)
        if {FIRST, against} <= set(paper.columns):
            theirs = (paper[FIRST] - paper[against]).loc[positions]
            axes.plot(theirs.index, theirs, marker="_", **PAPER)
            largest = max(largest, theirs.abs().max())
        axes.axhline(0, color="0.2", linewidth=0.8)
        axes.set_ylabel(f"joint minus {against}, points")
        axes.yaxis.set_major_formatter(lambda value, place: points(value))
    figure.axes[0].set_ylim(-1.6 * largest - 0.01, 1.6 * largest + 0.01)
    legend: list[Patch | Line2D] = [Patch(**look.bar, label=f"{recipe} is sparser") for recipe, look in pair.items()]
    if {FIRST, against} <= set(paper.columns):
        legend.append(Line2D([], [], marker="_", label="paper", **PAPER))
    legend_above(figure, legend, [str(one.get_label()) for one in legend], most=6)
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged, and what the intervals are."""
    num_seeds = int(_read(tables)["num_seeds"].max())
    return over(num_seeds, f"intervals: {share(evaluate.confidence_level)} %")


def alt(tables: Path, evaluate: Evaluate) -> str:
    """Both ends, and what is beyond doubt."""
    table = _read(tables)
    least, most = table.iloc[table["difference"].argmin()], table.iloc[table["difference"].argmax()]
    sure = int(((table["low"] > 0) | (table["high"] < 0)).sum())
    return (
        f"A bar for each of {len(table)} layers. The difference goes from {points(least['difference'])} points "
        f"({least['layer']}) to {points(most['difference'])} points ({most['layer']}); in {sure} layers the interval excludes 0."
    )


def _read(tables: Path) -> pd.DataFrame:
    table = pd.read_csv(tables / "layers_difference.csv")
    if table.empty:
        raise NothingToDraw("needs joint and another recipe")
    return table.query("against == @table['against'].iloc[0]")
