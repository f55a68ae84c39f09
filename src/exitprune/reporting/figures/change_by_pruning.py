"""What pruning changes at each exit: accuracy before and after it, recipe by recipe."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import (
    PAPER,
    UNPRUNED,
    Look,
    band,
    bands,
    in_percent_of_all,
    legend_above,
    looks,
    new_figure,
    papers_values,
)
from exitprune.reporting.formatting import points

PLACE = 4
TITLE = "What pruning changes at each exit"
CAPTION = (
    "Test accuracy at each exit, were all images to leave there, before anything was pruned (dotted) and after the last round; "
    "the change in points below. Heads that a recipe adds on its way were not there before. Black, where it is drawn, is the "
    "paper’s: hollow before, filled after, of its ordered approach before and after its second phase."
)
TABLES = ("change_by_pruning", "paper_comparison")
PER_ROW = 3


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A panel per recipe."""
    table = _read(tables)
    before, after = (papers_values(tables, quantity) for quantity in ("exit accuracy before", "exit accuracy"))
    recipes = looks(list(table["recipe"].unique()))
    num_rows = math.ceil(len(recipes) / PER_ROW)
    figure = new_figure(3.6 * num_rows)
    panels = figure.subplots(num_rows, min(PER_ROW, len(recipes)), sharey=True, squeeze=False).ravel()
    for axes, (recipe, look) in zip(panels, recipes.items(), strict=False):
        _panel(axes, table[table["recipe"] == recipe], look, recipe)
        for paper, fill in ((before, "none"), (after, "full")):
            theirs = paper[paper["recipe"] == recipe]
            if len(theirs):
                label = f"paper, {'before' if fill == 'none' else 'after'}"
                axes.plot(theirs["position"], theirs["paper"], marker="d", fillstyle=fill, label=label, **PAPER)
    for axes in panels[len(recipes) :]:
        axes.set_visible(False)
    panels[0].set_ylabel("test accuracy")
    legend_above(figure, *panels[0].get_legend_handles_labels())
    in_percent_of_all(panels[0])
    return figure


def _panel(axes: Axes, part: pd.DataFrame, look: Look, recipe: str) -> None:
    axes.plot(part["exit"], part["accuracy_unpruned"], marker=".", **{**UNPRUNED, "label": "before"})
    band(axes, part, "exit", "accuracy", look, "after the last round (of each recipe in its look)", markers=True)
    names = [f"{exit_}\n{points(change)}" for exit_, change in zip(part["exit"], part["change"], strict=True)]
    axes.set_xticks(part["exit"], names, fontsize=8)
    axes.set(title=recipe, xlabel="exit, and its change in points")


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    return bands(_read(tables), "bands, of the change")


def alt(tables: Path, evaluate: Evaluate) -> str:
    """Every exit's change."""
    said = [
        f"{recipe}: {', '.join(points(value) for value in line['change'])} points"
        for recipe, line in _read(tables).groupby("recipe", sort=False)
    ]
    return "Lines over the exits, and their change by pruning. " + "; ".join(said) + "."


def _read(tables: Path) -> pd.DataFrame:
    table = pd.read_csv(tables / "change_by_pruning.csv").query("state == 'final'")
    shift = table["accuracy"] - table["change"]  # the band of the change, around what there is after
    return table.assign(low=table["low"] + shift, high=table["high"] + shift)
