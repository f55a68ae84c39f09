"""Accuracy at each exit after the last round and after recovery, were all images to leave there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import (
    PAPER,
    UNPRUNED,
    band,
    bands_together,
    in_percent_of_all,
    legend_above,
    looks_together,
    new_figure,
    papers_values,
)
from exitprune.reporting.formatting import STATES, percent

PLACE = 3
TITLE = "Accuracy at each exit"
CAPTION = (
    "Test accuracy at each exit if every image left there, after the last round and after recovery. Dotted: the unpruned "
    "network that all recipes start from. Hollow markers, where there are any, are the paper's values."
)
TABLES = ("exits_mean", "paper_comparison")
PANELS = ("final", "recovered")


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A panel per state, a line per recipe; the paper's values, after the last round, where they are comparable."""
    table = _read(tables)
    paper = papers_values(tables, "exit accuracy")
    figure = new_figure(4.5)
    for axes, state in zip(figure.subplots(1, 2, sharey=True), PANELS, strict=True):
        unpruned = table[(table["state"] == "unpruned") & (table["recipe"] == table["recipe"].iloc[0])]
        axes.plot(unpruned["exit"], unpruned["accuracy"], **UNPRUNED)
        for recipe, look in looks_together(list(table["recipe"].unique())).items():
            part = table[(table["state"] == state) & (table["recipe"] == recipe)]
            band(axes, part, "exit", "accuracy", look, recipe, markers=True)
            theirs = paper[(paper["recipe"] == recipe) & (state == "final")]
            if len(theirs):
                axes.plot(
                    theirs["position"],
                    theirs["paper"],
                    marker=look.marker,
                    fillstyle="none",
                    label=f"paper, {recipe}",
                    **PAPER,
                )
        axes.set_title(STATES[state])
        _name_exits(axes, unpruned)
    figure.axes[0].set_ylabel("test accuracy")
    in_percent_of_all(figure.axes[0])
    legend_above(figure, *figure.axes[0].get_legend_handles_labels(), most=5)
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    return bands_together(_read(tables))


def alt(tables: Path, evaluate: Evaluate) -> str:
    """Every exit's accuracy."""
    table = _read(tables)
    said = []
    for (state, recipe), line in table.groupby(["state", "recipe"], sort=False):
        if state != "unpruned" or recipe == table["recipe"].iloc[0]:
            name = "unpruned" if state == "unpruned" else f"{recipe}, {STATES[str(state)]}"
            said.append(f"{name}: {', '.join(percent(value) for value in line['accuracy'])} %")
    return f"Lines over exits 0 to {table['exit'].max()}. " + "; ".join(said) + "."


def _read(tables: Path) -> pd.DataFrame:
    return pd.read_csv(tables / "exits_mean.csv").query("split == 'test' and state != 'intermediate'")


def _name_exits(axes: Axes, exits: pd.DataFrame) -> None:
    names = [f"{exit_}\nblock {block}" for exit_, block in zip(exits["exit"], exits["block"], strict=True)]
    names[-1] = f"{exits['exit'].iloc[-1]}\nclassifier"
    axes.set_xticks(exits["exit"], names, fontsize=8)
    axes.set_xlabel("exit, and the block it follows")
