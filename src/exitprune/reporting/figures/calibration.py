"""Whether pruning makes exits promise too much, round by round, and whether a temperature per exit mends it."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.figures._style import in_percent, new_figure

PLACE = 7
TITLE = "Calibration of each exit over the rounds"
CAPTION = (
    "Mean over seeds; round 0 is unpruned. Above: mean confidence minus accuracy; above 0 it promises too much. Middle: expected "
    "calibration error (15 bins), both on the part of the validation images that all rounds were evaluated on. Below: the error "
    "on test images, at first and after the last round, with a temperature per exit that is fitted on validation images."
)
PANELS = (
    ("sample", "none", "overconfidence", "confidence\n- accuracy"),
    ("sample", "none", "calibration_error", "calibration error"),
    ("test", "temperature", "calibration_error", "calibration error,\nwith temperatures"),
)
MARKERS = "osD^v<>"


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A column of three panels per recipe, a line per exit."""
    table = pd.read_csv(tables / "calibration.csv").query("state != 'recovered'")
    recipes, exits = list(table["recipe"].unique()), sorted(table["exit"].unique())
    colours = matplotlib.colormaps["cividis"](np.linspace(0.05, 0.95, len(exits)))
    figure = new_figure(7)
    grid = figure.subplots(len(PANELS), len(recipes), sharex="col", sharey="row", squeeze=False)
    for row, (split, scaling, measure, label) in enumerate(PANELS):
        there = table[(table["split"] == split) & (table["scaling"] == scaling)]
        means = there.groupby(["recipe", "exit", "level"])[measure].mean()
        for axes, recipe in zip(grid[row], recipes, strict=True):
            for exit_, colour in zip(exits, colours, strict=True):
                line = means[recipe, exit_]
                marker = MARKERS[exit_ % len(MARKERS)]
                axes.plot(line.index, line, color=colour, marker=marker, markersize=3, label=str(exit_))
            in_percent(axes)
            if measure == "overconfidence":
                axes.axhline(0, color="0.2", linewidth=0.8)
        grid[row, 0].set_ylabel(label)
        grid[2, 0].sharey(grid[1, 0])
    for top, bottom, recipe in zip(grid[0], grid[-1], recipes, strict=True):
        top.set_title(recipe)
        bottom.set_xlabel("round")
        bottom.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside right center", title="exit")
    return figure
