"""Whether pruning makes exits promise too much, round by round, and whether a temperature per exit mends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import Percent, in_percent, looks, new_figure, over
from exitprune.reporting.formatting import percent, points

PLACE = 10
TITLE = "Calibration of each exit over the rounds"
CAPTION = (
    "Left and middle: a row of cells is an exit, a column a round, round 0 is unpruned, on the part of the validation images "
    "that all rounds were evaluated on. Left: mean confidence minus accuracy; red promises too much, blue too little. Middle: "
    "expected calibration error (15 bins). Right: this error on test images after the last round, as it is (bars) and with a "
    "temperature per exit that is fitted on validation images (dots)."
)
TABLES = ("calibration",)
GRIDS = {"overconfidence": "confidence minus accuracy", "calibration_error": "calibration error"}


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A row per recipe: two grids of exits by rounds, and bars with dots."""
    rounds, last = _read(tables)
    recipes = list(rounds["recipe"].unique())
    figure = new_figure(1.2 + 1.9 * len(recipes))
    panels = figure.subplots(len(recipes), 3, sharey="col", squeeze=False)
    for column, (measure, label) in enumerate(GRIDS.items()):
        most = rounds[measure].abs().max()
        colours = {"cmap": "RdBu_r" if column == 0 else "YlOrBr", "vmin": -most if column == 0 else 0, "vmax": most}
        for axes, recipe in zip(panels[:, column], recipes, strict=True):
            wide = rounds[rounds["recipe"] == recipe].pivot_table(index="exit", columns="level", values=measure)
            mesh = axes.pcolormesh(
                wide.columns, wide.index, wide.to_numpy(), shading="nearest", rasterized=True, **colours
            )
            axes.grid(visible=False)
            axes.set_yticks(wide.index)
            axes.set(ylabel="exit", title=recipe)
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        panels[-1, column].set_xlabel("round")
        figure.colorbar(mesh, ax=panels[:, column], label=label, format=Percent(1), pad=0.02, location="top")
    for axes, recipe in zip(panels[:, 2], recipes, strict=True):
        _bars(axes, last[last["recipe"] == recipe], recipe, recipes)
    panels[-1, 2].set_xlabel("exit")
    return figure


def _bars(axes: Axes, last: pd.DataFrame, recipe: str, recipes: list[str]) -> None:
    means = last.groupby(["scaling", "exit"])["calibration_error"].mean()
    axes.bar(means["none"].index, means["none"], 0.6, label="as it is", **looks(recipes)[recipe].bar)
    axes.plot(
        means["temperature"].index, means["temperature"], "o", color="black", markersize=5, label="with temperatures"
    )
    axes.grid(axis="x", visible=False)
    axes.set_xticks(means["none"].index)
    axes.set(title=recipe, ylabel="error, last round")
    in_percent(axes)


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    return over(_read(tables)[0]["seed"].nunique())


def alt(tables: Path, evaluate: Evaluate) -> str:
    """The last round, mean over exits."""
    _, last = _read(tables)
    said = []
    for recipe, part in last.groupby("recipe", sort=False):
        means: Any = part.groupby("scaling")[["overconfidence", "calibration_error"]].mean()
        said.append(
            f"{recipe}, after the last round, mean over exits: confidence minus accuracy "
            f"{points(means.loc['none', 'overconfidence'])} points, calibration error "
            f"{percent(means.loc['none', 'calibration_error'])} %, with temperatures "
            f"{percent(means.loc['temperature', 'calibration_error'])} %."
        )
    return "Grids of cells, exits by rounds, and bars by exit. " + " ".join(said)


def _read(tables: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every round on the sample, and the last one on test images."""
    table = pd.read_csv(tables / "calibration.csv").query("state != 'recovered'")
    return table.query("split == 'sample' and scaling == 'none'"), table.query("split == 'test' and state == 'final'")
