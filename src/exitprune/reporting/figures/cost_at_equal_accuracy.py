"""What joint costs at the accuracy of another recipe, as a share of that recipe's cost: the form of the paper's savings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import (
    Look,
    NothingToDraw,
    Percent,
    band,
    bands_together,
    in_percent,
    legend_above,
    looks_together,
    new_figure,
)
from exitprune.reporting.formatting import STATES, percent, points

PLACE = 6
TITLE = "Cost at equal accuracy"
CAPTION = (
    "Average MACs per image of joint as a share of another recipe’s, at accuracies that both reach under the threshold sweep on "
    "test images: below 100 % joint is cheaper. Black, where it is drawn, is the paper’s, off its curves after pruning."
)
TABLES = ("cost_at_equal_accuracy", "levels")
PANELS = ("final", "recovered")


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A panel per state, a line per other recipe."""
    table, look_of = _read(tables), _looks(tables)
    figure = new_figure(4)
    for axes, state in zip(figure.subplots(1, 2, sharey=True, sharex=True), PANELS, strict=True):
        for against in table["against"].unique():
            part = table[(table["state"] == state) & (table["against"] == against)]
            band(axes, part, "accuracy", "ratio", look_of[against], f"joint against {against}")
        theirs = (
            table[(table["state"] == state)].dropna(subset="paper").drop_duplicates("accuracy").sort_values("accuracy")
        )
        if len(theirs):
            axes.plot(theirs["accuracy"], theirs["paper"], color="black", linewidth=2, label="paper")
        axes.axhline(1, color="0.2", linewidth=0.8)
        axes.set(title=STATES[state], xlabel="test accuracy of both")
        axes.xaxis.set_major_formatter(Percent(1))
        in_percent(axes)
    figure.axes[0].set_ylabel("average MACs of joint, of the other’s")
    legend_above(figure, *figure.axes[0].get_legend_handles_labels())
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    table, look_of = _read(tables), _looks(tables)
    return bands_together(table, {against: look_of[against] for against in table["against"].unique()})


def alt(tables: Path, evaluate: Evaluate) -> str:
    """The mean saving of each pair, and how far it goes."""
    said = []
    for (against, state), part in _read(tables).groupby(["against", "state"], sort=False):
        said.append(
            f"Joint against {against}, {STATES[str(state)]}: {points(part['ratio'].mean() - 1)} % on average from "
            f"{percent(part['accuracy'].min())} to {percent(part['accuracy'].max())} % accuracy."
        )
    return "Lines of a share of cost over accuracy. " + " ".join(said)


def _looks(tables: Path) -> dict[str, Look]:
    """Of all recipes: some may reach no accuracy of joint's."""
    return looks_together(list(pd.read_csv(tables / "levels.csv")["recipe"].unique()))


def _read(tables: Path) -> pd.DataFrame:
    table = pd.read_csv(tables / "cost_at_equal_accuracy.csv")
    if table.empty:
        raise NothingToDraw("needs joint and another recipe that reach an accuracy in common with every seed")
    return table
