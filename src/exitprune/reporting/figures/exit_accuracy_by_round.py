"""How every exit fares round by round, as the network gets sparser."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import (
    band,
    bands_together,
    in_percent_of_all,
    legend_above,
    looks_together,
    new_figure,
)
from exitprune.reporting.formatting import percent

PLACE = 8
TITLE = "Accuracy of each exit over the rounds"
CAPTION = (
    "Accuracy of each exit after each round of pruning and fine-tuning, on the part of the validation images on which all rounds "
    "were evaluated; round 0 is the unpruned network. An order that prunes one group after the other has its rounds for each: "
    "the sequential one prunes the base network first while the heads stay as they are, then (crosses) the heads alone. "
    "Heads that a recipe adds on its way are untrained from round 1 until then."
)
TABLES = ("exits_mean",)
COLUMNS = 4
HEADS = {"color": "black", "markersize": 3.5, "markeredgewidth": 0.7}


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A panel per exit, a line per recipe."""
    table = _read(tables)
    num_exits = int(table["exit"].max()) + 1
    num_rows = -(-num_exits // COLUMNS)
    figure = new_figure(0.5 + 2.5 * num_rows)
    panels = figure.subplots(num_rows, COLUMNS, sharex=True, sharey=True, squeeze=False).flatten()
    for exit_, axes in enumerate(panels[:num_exits]):
        for recipe, look in looks_together(list(table["recipe"].unique())).items():
            part = table[(table["recipe"] == recipe) & (table["exit"] == exit_)]
            band(axes, part, "level", "accuracy", look, recipe)
            heads = part[part["prune"] == "exits"]
            label = "rounds on the heads alone" if len(heads) else None
            axes.plot(heads["level"], heads["accuracy"], "x", label=label, **HEADS)
        is_last = exit_ == num_exits - 1
        axes.set_title(f"exit {exit_}, " + ("classifier" if is_last else f"after block {part['block'].iloc[0]}"))
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    for axes in panels[num_exits:]:
        axes.remove()
    for axes in panels[max(0, num_exits - COLUMNS) : num_exits]:
        axes.tick_params(labelbottom=True)  # the lowest of its column, which sharex does not know once others are gone
    in_percent_of_all(panels[0])
    figure.supxlabel("round", fontsize=10)
    figure.supylabel("accuracy on validation images", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))  # every recipe that prunes heads alone says so
    legend_above(figure, list(once.values()), list(once))
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    return bands_together(_read(tables))


def alt(tables: Path, evaluate: Evaluate) -> str:
    """First and last round of every line."""
    said = []
    for (recipe, exit_), line in _read(tables).groupby(["recipe", "exit"], sort=False):
        first, last = (percent(line["accuracy"].iloc[place]) for place in (0, -1))
        said.append(f"{recipe}, exit {exit_}: {first} to {last} %")
    return (
        "A panel for each exit with a line for each recipe, from the first round to the last. " + "; ".join(said) + "."
    )


def _read(tables: Path) -> pd.DataFrame:
    table = pd.read_csv(tables / "exits_mean.csv").query("split == 'sample' and state != 'recovered'")
    return table.sort_values("level", kind="stable")
