"""The study in one picture: what pruning and leaving early save, and which recipe is better, with how sure that is."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation.pairs import FIRST
from exitprune.reporting.answer import best_on_validation
from exitprune.reporting.drawing import (
    UNPRUNED,
    band,
    bands_together,
    in_percent_of_all,
    log_millions,
    looks,
    looks_together,
    new_figure,
)
from exitprune.reporting.formatting import STATES, millions, percent, points, share

PLACE = 0
TITLE = "What it saves, and which recipe is better"
CAPTION = (
    "Left: test accuracy against average multiply-accumulates (MACs) per image, zero weights left out, as the threshold falls; "
    "large markers are the thresholds chosen on validation images as the cheapest that lose at most the margin; the arrow leads "
    "to the recipe that is best on validation images, mean over seeds, which the title is of. "
    "Right: joint minus the recipe that the title names, with an interval over seeds and test images, in colour where it "
    "excludes 0."
)
TABLES = ("tradeoff", "operating_points", "claims")
MILLION = 1e6
WORDS = {
    "early_exits_accuracy": "early exits",
    "last_exit_accuracy": "deepest exit",
    "best_accuracy": "best threshold",
    "accuracy_within_budget": "half the MACs",
    "cost_at_equal_accuracy": "equal accuracy",
}
PANELS = {"points": "accuracy", "percent": "average MACs"}
"""By the unit of a difference: what it is of."""


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """Curves on the left, differences on the right if there is a pair to compare."""
    table, chosen, differences = _read(tables)
    figure = new_figure(4.6)
    if differences.empty:
        left = figure.subplots()
    else:
        sides = figure.subfigures(1, 2, width_ratios=[1.3, 1], squeeze=False)[0]
        units = [unit for unit in PANELS if unit in set(differences["unit"])]
        parts = [differences[differences["unit"] == unit] for unit in units]
        panels = sides[1].subplots(len(units), 1, squeeze=False, height_ratios=[len(part) + 1 for part in parts])[:, 0]
        for axes, unit, part in zip(panels, units, parts, strict=True):
            _differences(axes, part, unit)
        verdict = "" if differences["num_seeds"].max() > 1 else "\none seed, no verdict"
        panels[0].set_title(f"joint minus {differences['against'].iloc[0]}{verdict}")
        left = sides[0].subplots()
    _curves(left, table, chosen)
    return figure


def _curves(axes: Axes, table: pd.DataFrame, chosen: pd.DataFrame) -> None:
    unpruned = table[table["state"] == "unpruned"]
    axes.plot(unpruned["average_macs"] / MILLION, unpruned["accuracy"], **UNPRUNED)
    dense = unpruned.iloc[unpruned["average_macs"].argmax()]
    axes.plot(
        dense["average_macs"] / MILLION,
        dense["accuracy"],
        "*",
        color="0.2",
        markersize=15,
        label="unpruned, nobody leaves early",
    )
    pruned = table[table["state"] == "recovered"].assign(millions=table["average_macs"] / MILLION)
    for recipe, look in looks_together(list(pruned["recipe"].unique())).items():
        band(axes, pruned[pruned["recipe"] == recipe], "millions", "accuracy", look, recipe)
        mean = chosen[chosen["recipe"] == recipe][["test_macs", "test_accuracy"]].mean()
        style: dict[str, Any] = {"color": look.colour, "edgecolor": "black", "linewidth": 1, "s": 110, "zorder": 5}
        axes.scatter(mean["test_macs"] / MILLION, mean["test_accuracy"], marker=look.marker, **style)
    log_millions(axes)
    in_percent_of_all(axes)
    axes.set(ylabel="test accuracy after recovery")
    axes.legend(loc="best", fontsize=9)
    best = best_on_validation(chosen)
    if best is None:
        return
    accuracy, macs = chosen[chosen["recipe"] == best["recipe"]][["test_accuracy", "test_macs"]].mean()
    fewer, change = percent(1 - macs / dense["average_macs"]), points(accuracy - dense["accuracy"])
    axes.set_title(f"{fewer}% fewer MACs, {change} points of accuracy", fontsize=13)
    arrow = {
        "arrowstyle": "-|>",
        "color": "0.3",
        "linestyle": ":",
        "connectionstyle": "arc3,rad=0.1",
        "shrinkA": 9,
        "shrinkB": 9,
    }
    star = (dense["average_macs"] / MILLION, dense["accuracy"])
    axes.annotate("", (macs / MILLION, accuracy), star, arrowprops=arrow, zorder=6)


def _differences(axes: Axes, differences: pd.DataFrame, unit: str) -> None:
    better = {"points": ("other", "joint"), "percent": ("joint", "other")}[unit]
    rows: list[dict[Any, Any]] = differences.iloc[::-1].to_dict("records")
    for place, row in enumerate(rows):
        mean, ends = row["difference"], [row["low"], row["high"]]
        is_sure = ends[0] > 0 or ends[1] < 0
        look = looks([FIRST, row["against"]])
        colour = look[FIRST if (mean > 0) == (unit == "points") else row["against"]].colour if is_sure else "0.45"
        if math.isfinite(ends[0]):
            axes.plot(ends, [place, place], color=colour, linewidth=4 if is_sure else 2.5, solid_capstyle="round")
        axes.plot(mean, place, "o", color=colour, markersize=6)
        axes.annotate(points(mean), (mean, place), (0, 5), textcoords="offset points", ha="center", fontsize=8)
    axes.axvline(0, color="0.2", linewidth=1)
    names = [f"{WORDS[row['measure']]}, {STATES[row['state']]}" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=8)
    reach = 1.15 * float(np.nanmax(differences[["low", "high", "difference"]].abs().to_numpy(), initial=0.005))
    axes.set(xlim=(-reach, reach), ylim=(-0.6, len(rows) - 0.3))
    axes.grid(axis="y", visible=False)
    axes.xaxis.set_major_formatter(lambda value, place: points(value))
    axes.set_ylabel(PANELS[unit], fontsize=8.5)
    axes.set_xlabel(
        f"{unit}\n\N{LEFTWARDS ARROW} {better[0]} better | {better[1]} better \N{RIGHTWARDS ARROW}",
        fontsize=8.5,
    )


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged, and what the intervals are."""
    table, _, _ = _read(tables)
    if table["num_seeds"].max() < 2:
        return "One seed: no band, no interval, no verdict."
    level = share(evaluate.confidence_level)
    return f"{bands_together(table)} Intervals: {level} %, each by itself; primary verdicts are corrected."


def alt(tables: Path, evaluate: Evaluate) -> str:
    """The points chosen and the differences."""
    table, chosen, differences = _read(tables)
    unpruned = table[table["state"] == "unpruned"]
    dense = unpruned.iloc[unpruned["average_macs"].argmax()]
    accuracy, macs = percent(dense["accuracy"]), millions(dense["average_macs"])
    said = [f"Unpruned, nobody leaves early: {accuracy} % with {macs} million MACs."]
    for recipe, part in chosen.groupby("recipe", sort=False):
        accuracy, macs = percent(part["test_accuracy"].mean()), millions(part["test_macs"].mean())
        said.append(f"{recipe} after recovery: {accuracy} % with {macs} million.")
    for row in differences.to_dict("records"):
        words = WORDS[row["measure"]]
        interval = f", interval {points(row['low'])} to {points(row['high'])}" if math.isfinite(row["low"]) else ""
        said.append(
            f"Joint minus {row['against']}, {words}, {STATES[row['state']]}: {points(row['difference'])} {row['unit']}{interval}."
        )
    return " ".join(said)


def _read(tables: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    table = pd.read_csv(tables / "tradeoff.csv")
    first = table["recipe"].iloc[0]
    table = table[(table["state"] != "unpruned") | (table["recipe"] == first)]
    chosen = pd.read_csv(tables / "operating_points.csv").query("choice == 'cheapest' and state == 'recovered'")
    claims = pd.read_csv(tables / "claims.csv").dropna(subset="difference")
    return table, chosen, claims[claims["against"] == claims["against"].iloc[0]] if len(claims) else claims
