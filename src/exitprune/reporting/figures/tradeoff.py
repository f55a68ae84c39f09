"""Accuracy against average computation as the threshold falls: the paper's trade-off curve."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation.pairs import FIRST, POSTERS
from exitprune.reporting.drawing import (
    UNPRUNED,
    band,
    bands_together,
    in_percent_of_all,
    legend_above,
    log_millions,
    looks,
    looks_together,
    new_figure,
)
from exitprune.reporting.formatting import STATES, millions, percent

PLACE = 5
TITLE = "Accuracy against average computation"
CAPTION = (
    "Test accuracy against average multiply-accumulates (MACs) per image, zero weights left out, as the common threshold falls "
    "from 1 (right end of a curve: every image goes to the classifier) to 0 (left end: every image leaves at exit 0). Markers: "
    "the threshold chosen on validation images as the cheapest that loses at most the margin against the classifier, one "
    "marker per seed. Dotted: the unpruned network. Up and to the left is better. The panel of the paper, where there is one, is "
    "read off its poster, before pruning thin and after it thick; its axis is not at one with itself by a factor of two, so "
    "shapes and ratios compare, not places. Crosses, where there are any, are what others published; what was chosen on test "
    "images flatters."
)
TABLES = ("tradeoff", "operating_points", "paper_tradeoff", "neighbours")
PANELS = ("final", "recovered")
MILLION = 1e6
CROSSES = "x+1234"


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A panel per state, a curve with band per recipe, the unpruned network's for reference."""
    table, points = _read(tables)
    paper, others = (pd.read_csv(tables / f"{name}.csv") for name in ("paper_tradeoff", "neighbours"))
    figure = new_figure(4.5)
    panels = figure.subplots(1, len(PANELS) + (len(paper) > 0), sharey=True)
    if len(paper):
        _papers(panels[-1], paper)
    panels[1].sharex(panels[0])
    for axes, state in zip(panels, PANELS, strict=False):
        unpruned = table[(table["state"] == "unpruned") & (table["recipe"] == table["recipe"].iloc[0])]
        axes.plot(unpruned["millions"], unpruned["accuracy"], **UNPRUNED)
        for recipe, look in looks_together(list(table["recipe"].unique())).items():
            of_recipe = table[(table["state"] == state) & (table["recipe"] == recipe)]
            band(axes, of_recipe, "millions", "accuracy", look, recipe)
            chosen = points[(points["state"] == state) & (points["recipe"] == recipe)]
            style = {"color": look.colour, "edgecolor": "black", "linewidth": 0.6, "s": 30, "zorder": 4}
            axes.scatter(chosen["test_macs"] / MILLION, chosen["test_accuracy"], marker=look.marker, **style)
        for number, one in enumerate(others.to_dict("records")):
            said = f"{one['network']}" + ", chosen on test images" * (one["chosen_on"] == "test images")
            place = one["macs"] / MILLION, one["accuracy"]
            axes.scatter(*place, marker=CROSSES[number], color="0.3", s=40, label=said)
        axes.set_title(STATES[state])
        log_millions(axes)
        if len(paper):  # three panels leave less room
            axes.set_xlabel("average MACs, millions (log scale)")
    figure.axes[0].set_ylabel("test accuracy")
    in_percent_of_all(figure.axes[0])
    legend_above(figure, *figure.axes[0].get_legend_handles_labels(), most=5)
    return figure


def _papers(axes: Axes, paper: pd.DataFrame) -> None:
    pair = looks([FIRST, POSTERS[0]])
    of = dict(zip(("together", "separately"), pair.values(), strict=True))
    for (approach, state), part in paper.groupby(["approach", "state"], sort=False):
        look, width = of[str(approach)], 2.2 if state == "after" else 0.8
        style: dict[str, Any] = {
            "color": look.colour,
            "linestyle": look.line,
            "linewidth": width,
            "label": f"{approach}, {state}",
        }
        axes.plot(part["mflops"], part["accuracy"], **style)
    axes.set_title("the paper")
    log_millions(axes)
    axes.set_xlabel("MFLOPs as drawn (log scale)")
    axes.legend(fontsize=8, loc="lower right")


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    return bands_together(_read(tables)[0])


def alt(tables: Path, evaluate: Evaluate) -> str:
    """Both ends of every curve."""
    table, _ = _read(tables)
    said = []
    for (state, recipe), curve in table.groupby(["state", "recipe"], sort=False):
        if state == "unpruned" and recipe != table["recipe"].iloc[0]:
            continue
        name = "Unpruned" if state == "unpruned" else f"{recipe}, {STATES[str(state)]}"
        left, right = curve.iloc[curve["average_macs"].argmin()], curve.iloc[curve["average_macs"].argmax()]
        said.append(
            f"{name}: from {percent(left['accuracy'])} % at {millions(left['average_macs'])} million MACs to "
            f"{percent(right['accuracy'])} % at {millions(right['average_macs'])} million, at most "
            f"{percent(curve['accuracy'].max())} %."
        )
    return "Curves. " + " ".join(said)


def _read(tables: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = pd.read_csv(tables / "tradeoff.csv")
    points = pd.read_csv(tables / "operating_points.csv").query("choice == 'cheapest'")
    return table.assign(millions=table["average_macs"] / MILLION), points
