"""Which share of the images leaves at which exit: against the threshold, and at the threshold chosen on validation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import in_percent, legend_above, looks, new_figure, over
from exitprune.reporting.formatting import percent

PLACE = 9
TITLE = "Where images leave"
CAPTION = (
    "Share of test images leaving at each exit after the last round. Above: against the common threshold, on a "
    "scale ever finer towards 1 that ends where hardly any image leaves early; dashed lines are the thresholds chosen on "
    "validation images, one per seed. Below: at these thresholds, with the lowest and the highest seed."
)
TABLES = ("exit_rates", "operating_rates")
NINES = 6
"""The threshold axis ends at 0.999999 at the latest."""
HARDLY_ANY = 0.005
STEPS = 60
"""On the axis, at most."""
PER_ROW = 3
HALO = [withStroke(linewidth=3, foreground="white")]


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """Stacked shares for each recipe, and bars at the operating points."""
    rates = pd.read_csv(tables / "exit_rates.csv").query("state == 'final'")
    chosen = pd.read_csv(tables / "operating_rates.csv").query("state == 'final' and choice == 'cheapest'")
    recipes = list(rates["recipe"].unique())
    columns = min(len(recipes), PER_ROW)
    num_rows = math.ceil(len(recipes) / columns)
    figure = new_figure(3 + 3.4 * num_rows)
    halves: Any = figure.subfigures(2, 1, height_ratios=[1.15 * num_rows, 1])
    above, below = halves
    panels = above.subplots(num_rows, columns, sharey=True, squeeze=False).flatten()
    for axes in panels[len(recipes) :]:
        axes.remove()
    for axes, recipe in zip(panels, recipes, strict=False):
        _stack(axes, rates[rates["recipe"] == recipe], _end_of_axis(rates))
        for threshold in chosen.loc[chosen["recipe"] == recipe, "threshold"].unique():
            axes.axvline(_nines(threshold), color="black", linewidth=1.4, linestyle="--", path_effects=HALO)
        axes.set_title(recipe)
    above.axes[0].set_ylabel("share of test images")
    above.supxlabel("threshold on the largest softmax probability", fontsize="medium")
    handles, labels = above.axes[0].get_legend_handles_labels()
    above.legend(handles[::-1], labels[::-1], loc="outside right center", title="exit")
    bars = below.subplots()
    _bars(bars, chosen, recipes)
    legend_above(below, *bars.get_legend_handles_labels())
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    return over(pd.read_csv(tables / "operating_rates.csv")["seed"].nunique())


def alt(tables: Path, evaluate: Evaluate) -> str:
    """Shares at the thresholds chosen."""
    chosen = pd.read_csv(tables / "operating_rates.csv").query("state == 'final' and choice == 'cheapest'")
    said = []
    for recipe, part in chosen.groupby("recipe", sort=False):
        shares = part.groupby("exit")["exit_rate"].mean()
        said.append(f"{recipe}: " + ", ".join(f"{percent(share)} % at exit {exit_}" for exit_, share in shares.items()))
    return "Stacked areas over the threshold, and bars at the thresholds chosen. " + "; ".join(said) + "."


def _end_of_axis(rates: pd.DataFrame) -> int:
    """The first whole number of nines from which on hardly any image leaves early, whatever the recipe."""
    early = rates[(rates["exit"] < rates["exit"].max()) & (rates["exit_rate"] > HARDLY_ANY)]
    return max(1, math.ceil(_nines(early["threshold"].max()))) if len(early) else 1


def _stack(axes: Axes, rates: pd.DataFrame, end: int) -> None:
    wide = rates.pivot(index="threshold", columns="exit", values="exit_rate")
    strictness = np.array([_nines(threshold) for threshold in wide.index])
    _, seen = np.unique((strictness * STEPS / end).round(), return_index=True)  # of those nearer than a line, the first
    colours = matplotlib.colormaps["cividis"](np.linspace(0.05, 0.98, wide.shape[1]))
    axes.stackplot(
        strictness[seen],
        wide.to_numpy()[seen].T,
        labels=[str(exit_) for exit_ in wide.columns],
        colors=colours,
        edgecolor="white",
        linewidth=0.7,
    )
    axes.set(xlim=(0, end), ylim=(0, 1))
    ticks = [0.0, *(1 - 10.0**-nines for nines in range(1, end + 1))]
    axes.set_xticks(
        [_nines(tick) for tick in ticks], [f"{tick:g}" for tick in ticks], fontsize=8.5, rotation=40, ha="right"
    )
    in_percent(axes)


def _nines(threshold: float) -> float:
    """Place of a threshold on the axis: 0.9 at 1, 0.99 at 2; 1 itself at the far end."""
    return -math.log10(max(1 - threshold, 10.0**-NINES))


def _bars(axes: Axes, chosen: pd.DataFrame, recipes: list[str]) -> None:
    width = 0.84 / len(recipes)
    for place, (recipe, look) in enumerate(looks(recipes).items()):
        by_exit = chosen[chosen["recipe"] == recipe].groupby("exit")["exit_rate"].agg(["mean", "min", "max"])
        where = by_exit.index + (place - (len(recipes) - 1) / 2) * width
        axes.bar(where, by_exit["mean"], width, label=recipe, **look.bar)
        axes.vlines(where, by_exit["min"], by_exit["max"], color="0.2", linewidth=1)
    axes.grid(axis="x", visible=False)
    axes.set(xlabel="exit", ylabel="share of test images", title="at the threshold chosen on validation images")
    axes.set_xticks(sorted(chosen["exit"].unique()))
    in_percent(axes)
