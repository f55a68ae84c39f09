"""Accuracy against average computation as the threshold falls: the paper's trade-off curve."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.figures._style import UNPRUNED, band, band_note, in_percent, looks, new_figure
from exitprune.reporting.formatting import STATES

PLACE = 4
TITLE = "Accuracy against average computation"
CAPTION = (
    "Test accuracy against average multiply-accumulates (MACs) per image, zero weights left out, as the common threshold falls "
    "from 1 (right end of a curve: every image goes to the classifier) to 0 (left end: every image leaves at exit 0). Markers: "
    "the threshold chosen on validation images as the cheapest that loses at most the margin against the classifier, one "
    "marker per seed. Dotted: the unpruned network."
)
PANELS = ("final", "recovered")
MILLION = 1e6


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A panel per state, a curve with band per recipe, the unpruned network's for reference."""
    table = pd.read_csv(tables / "tradeoff.csv")
    table["millions"] = table["average_macs"] / MILLION
    points = pd.read_csv(tables / "operating_points.csv").query("choice == 'cheapest'")
    figure = new_figure(4.5)
    for axes, state in zip(figure.subplots(1, 2, sharey=True, sharex=True), PANELS, strict=True):
        unpruned = table[(table["state"] == "unpruned") & (table["recipe"] == table["recipe"].iloc[0])]
        axes.plot(unpruned["millions"], unpruned["accuracy"], **UNPRUNED)
        for recipe, look in looks(list(table["recipe"].unique())).items():
            band(
                axes,
                table[(table["state"] == state) & (table["recipe"] == recipe)],
                "millions",
                "accuracy",
                look,
                recipe,
            )
            chosen = points[(points["state"] == state) & (points["recipe"] == recipe)]
            style = {"color": look.colour, "edgecolor": "black", "linewidth": 0.6, "s": 30, "zorder": 4}
            axes.scatter(chosen["test_macs"] / MILLION, chosen["test_accuracy"], marker=look.marker, **style)
        axes.set_title(STATES[state])
        axes.set_xscale("log")
        axes.set_xlabel("average MACs per image (millions, log scale)")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    figure.axes[0].set_ylabel(f"test accuracy\n({band_note(table)})")
    in_percent(figure.axes[0])
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure
