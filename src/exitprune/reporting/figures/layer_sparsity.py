"""Sparsity of every layer after the last round, the recipes side by side."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import PAPER, bands, in_percent, legend_above, looks, new_figure, papers_values
from exitprune.reporting.figures._layers import height_of, layer_axes
from exitprune.reporting.formatting import percent

PLACE = 1
TITLE = "Sparsity of every layer"
CAPTION = (
    "Sparsity (share of weights that are zero) of each prunable layer after the last round. Exit heads in bold, on grey. Short "
    "strokes, where there are any, are the paper's values."
)
TABLES = ("layers_mean", "paper_comparison")


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """Bars by layer, one per recipe; the paper's values as strokes where they are comparable."""
    table = pd.read_csv(tables / "layers_mean.csv")
    paper = papers_values(tables, "layer sparsity")
    recipes = list(table["recipe"].unique())
    figure = new_figure(height_of(table))
    width = 0.84 / len(recipes)
    for axes, positions in layer_axes(figure, table[table["recipe"] == recipes[0]]):
        for place, (recipe, look) in enumerate(looks(recipes).items()):
            shift = (place - (len(recipes) - 1) / 2) * width
            part = table[(table["recipe"] == recipe) & table["position"].isin(positions)]
            axes.bar(part["position"] + shift, part["sparsity"], width, label=recipe, **look.bar)
            axes.vlines(part["position"] + shift, part["low"], part["high"], color="0.2", linewidth=0.8)
            theirs = paper[(paper["recipe"] == recipe) & paper["position"].isin(positions)]
            label = "paper" if place == 0 else None
            axes.plot(
                theirs["position"] + shift, theirs["paper"], marker="_", label=label if len(theirs) else None, **PAPER
            )
        axes.set(ylim=(0, 1), ylabel="sparsity")
        in_percent(axes)
    legend_above(figure, *figure.axes[0].get_legend_handles_labels(), most=6)
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    return bands(pd.read_csv(tables / "layers_mean.csv"), "thin lines")


def alt(tables: Path, evaluate: Evaluate) -> str:
    """The layers pruned most and least."""
    said = []
    for recipe, part in pd.read_csv(tables / "layers_mean.csv").groupby("recipe", sort=False):
        least, most = part.iloc[part["sparsity"].argmin()], part.iloc[part["sparsity"].argmax()]
        heads = part[part["group"] == "exits"]["sparsity"]
        about_heads = f", exit heads {percent(heads.min())} to {percent(heads.max())} %" if len(heads) else ""
        said.append(
            f"{recipe}: from {percent(least['sparsity'])} % ({least['layer']}) to {percent(most['sparsity'])} % "
            f"({most['layer']}){about_heads}"
        )
    return "A bar for each layer and recipe. " + "; ".join(said) + "."
