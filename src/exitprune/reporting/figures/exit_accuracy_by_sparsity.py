"""How every exit fares as the network gets sparser, round by round."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.figures._style import band, band_note, in_percent, looks, new_figure

PLACE = 5
TITLE = "Accuracy of each exit over the rounds"
CAPTION = (
    "Accuracy of each exit against the sparsity of the whole network, one marker per round, each after its fine-tuning, on the "
    "part of the validation images that all rounds were evaluated on. The "
    "sequential recipe prunes the base network first while the heads stay as they are; then (crosses) come the rounds of the "
    "heads alone, which hold few of the weights and no filters."
)
COLUMNS = 4
HEADS = {"color": "black", "markersize": 3, "markeredgewidth": 0.6}


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A panel per exit, a line per recipe."""
    table = pd.read_csv(tables / "exits_mean.csv").query("state != 'recovered' and split == 'sample'")
    num_exits = int(table["exit"].max()) + 1
    num_rows = -(-num_exits // COLUMNS)
    figure = new_figure(0.5 + 2.5 * num_rows)
    panels = figure.subplots(num_rows, COLUMNS, sharex=True, sharey=True, squeeze=False).flatten()
    for exit_, axes in enumerate(panels[:num_exits]):
        for recipe, look in looks(list(table["recipe"].unique())).items():
            part = table[(table["recipe"] == recipe) & (table["exit"] == exit_)]
            band(axes, part, "sparsity", "accuracy", look, recipe)
            heads = part["prune"] == "exits"
            axes.plot(
                part.loc[~heads, "sparsity"], part.loc[~heads, "accuracy"], look.marker, color=look.colour, markersize=3
            )
            label = "rounds on the heads alone" if heads.any() else None
            axes.plot(part.loc[heads, "sparsity"], part.loc[heads, "accuracy"], "x", label=label, **HEADS)
        is_last = exit_ == num_exits - 1
        axes.set_title(f"exit {exit_}, " + ("classifier" if is_last else f"after block {part['block'].iloc[0]}"))
    for axes in panels[num_exits:]:
        axes.remove()
    for axes in panels[num_exits - COLUMNS : num_exits]:
        axes.tick_params(labelbottom=True)  # the lowest of its column, which sharex does not know once others are gone
    in_percent(panels[0])
    figure.supxlabel("sparsity of all prunable weights", fontsize=10)
    figure.supylabel(f"accuracy on validation images\n({band_note(table)})", fontsize=10)
    handles, labels = panels[0].get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))  # every recipe that prunes heads alone says so
    figure.legend(once.values(), once.keys(), loc="outside upper center", ncols=4)
    return figure
