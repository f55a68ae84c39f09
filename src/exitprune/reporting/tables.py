"""What networks do, as tables of the report: column titles, and rows of cells. Each is a table of the study, formatted."""

from __future__ import annotations

import math

import pandas as pd

from exitprune.config.params import Params
from exitprune.deployment.energy import NOT_MEASURED
from exitprune.deployment.measured_times import NOBODY, WITHIN
from exitprune.reporting.formatting import (
    NOTHING,
    STATES,
    millions,
    percent,
    threshold,
    with_spread,
)

MOST_COLUMNS = 9
TIMED = (1, 64)
"""Batch sizes of which the report shows milliseconds."""
HEADLINES = {
    "sparsity_all": ("Sparsity of all prunable weights", "percent"),
    "sparsity_base": ("Sparsity of the base network", "percent"),
    "sparsity_exits": ("Sparsity of the exit heads", "percent"),
    "last_exit_accuracy": ("Accuracy of the classifier (last exit)", "percent"),
    "early_exits_accuracy": ("Mean accuracy of the early exits", "percent"),
    "last_exit_macs": ("MACs of the whole network, millions", "millions"),
    "cheapest_accuracy": ("Accuracy at the operating point", "percent"),
    "cheapest_macs": ("Average MACs at the operating point, millions", "millions"),
    "best_accuracy": ("Accuracy at the threshold that is best on validation", "percent"),
    "best_macs": ("Average MACs there, millions", "millions"),
}
CHOICES = {
    "best": "most accurate",
    "half": "most accurate within half the MACs",
    "cheapest": "cheapest within {margin} of accuracy",
}
"""Of the operating points; the MACs are those of the same network when nobody leaves early."""


def headlines(measures: pd.DataFrame) -> tuple[str, list[str], list[list[str]]]:
    """Means over seeds of what matters most: what rows are, column titles and rows of text.

    Quantities are rows; networks are, where there are so many that columns would not fit on paper.
    """
    values = measures.groupby(["state", "recipe", "measure"], sort=False)["value"]
    means, stds = values.mean().to_dict(), values.std().to_dict()
    recipes = list(measures["recipe"].unique())
    networks = [("unpruned", recipes[0])] + [(state, recipe) for state in ("final", "recovered") for recipe in recipes]
    names = ["unpruned", *(f"{recipe}, {STATES[state]}" for state, recipe in networks[1:])]
    rows = []
    for measure, (label, form) in HEADLINES.items():
        cells = [(*network, measure) for network in networks]
        rows.append([label, *(with_spread(means[cell], stds[cell], form) for cell in cells)])
    if len(names) <= MOST_COLUMNS:
        return "quantity", names, rows
    labels, *columns = zip(*rows, strict=True)
    return "network", list(labels), [[name, *column] for name, column in zip(names, columns, strict=True)]


def exit_table(exits: pd.DataFrame, rates: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Per exit and recipe: accuracy, MACs and the share of images leaving at the operating point, after the last round."""
    test = exits[exits["split"] == "test"]
    recipes = list(test["recipe"].unique())
    titles = ["block", "network", "accuracy, %", "MACs, millions", "images leaving, %"]
    networks = [("unpruned", recipes[0], "unpruned"), *(("final", recipe, recipe) for recipe in recipes)]
    rows = []
    for exit_, there in test.groupby("exit"):
        for state, recipe, name in networks:
            part = there[(there["state"] == state) & (there["recipe"] == recipe)]
            leaving = rates[(rates["state"] == state) & (rates["recipe"] == recipe) & (rates["exit"] == exit_)]
            share_ = leaving[leaving["choice"] == "cheapest"]["exit_rate"].mean()
            accuracy = with_spread(part["accuracy"].mean(), part["accuracy"].std(), "percent")
            rows.append(
                [str(exit_), str(part["block"].iloc[0]), name, accuracy, millions(part["macs"].mean()), percent(share_)]
            )
    return titles, rows


def operating_table(chosen: pd.DataFrame, exits: pd.DataFrame, params: Params) -> tuple[list[str], list[list[str]]]:
    """What thresholds chosen on validation give on test, for every network and rule."""
    dense = exits["macs_dense"].max()
    margin = f"{100 * params.evaluate.margin:g} point{'s' * (params.evaluate.margin != 0.01)}"
    titles = [
        "network",
        "threshold, lowest to highest",
        "accuracy, %",
        "average MACs, millions",
        "of the dense network's, %",
    ]
    rows = []
    shown = chosen[(chosen["state"] != "unpruned") | (chosen["recipe"] == chosen["recipe"].iloc[0])]
    for (choice, state, recipe), there in shown.groupby(["choice", "state", "recipe"], sort=False):
        accuracy, macs, thresholds = there["test_accuracy"], there["test_macs"], there["threshold"]
        rows.append(
            [
                CHOICES[str(choice)].format(margin=margin),
                "unpruned" if state == "unpruned" else f"{recipe}, {STATES[str(state)]}",
                _range(thresholds.min(), thresholds.max()),
                with_spread(accuracy.mean(), accuracy.std(), "percent"),
                with_spread(macs.mean(), macs.std(), "millions"),
                percent(macs.mean() / dense),
            ]
        )
    return titles, sorted(rows, key=lambda row: row[0])


def emptied_table(emptied: pd.DataFrame) -> tuple[list[str], list[list[str]]] | None:
    """What had no weight left at each round, mean over seeds, and what dense kernels still do without it; None: nothing, ever."""
    if not emptied.filter(like="empty_").fillna(0).to_numpy().any():
        return None
    titles = [
        "round",
        "empty filters, %",
        "empty channels, %",
        "empty branches",
        "of",
        "MACs left after exact removal, %",
    ]
    counts = [name for name in emptied.columns if name not in ("recipe", "seed", "level", "name", "state")]
    emptied = emptied.astype(dict.fromkeys(counts, float))  # nothing where a network cannot be taken apart
    means = emptied.groupby(["recipe", "level", "state"], sort=False)[counts].mean().reset_index()
    counted = {"empty_branches": 1, "branches": 0}
    rows = []
    for row in means.to_dict("records"):
        rows.append(
            [
                row["recipe"],
                "recovered" if row["state"] == "recovered" else str(row["level"]),
                percent(row["empty_filters"] / row["filters"]),
                percent(row["empty_channels"] / row["channels"]),
                *(f"{row[of]:.{n}f}" if math.isfinite(row[of]) else NOTHING for of, n in counted.items()),
                percent(row["macs_after_removal"] / row["macs_dense"]),
            ]
        )
    return titles, rows


def measured_table(measured: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Of the seed that everything was measured at: ms on one thread, when nobody leaves and at a point lost."""
    is_shown = (measured["threads"] == 1) & (measured["seed"] == measured["seed"].iloc[0])
    there = measured[is_shown & measured["batch"].isin(TIMED) & measured["choice"].isin([NOBODY, WITHIN])]
    timings = list(dict.fromkeys(zip(there["batch"], there["runtime"], strict=True)))
    titles = ["threshold", "accuracy, %", "average MACs, millions", "MACs done, millions"]
    titles += [f"{runtime}, ms at {batch}" for batch, runtime in timings]
    rows = []
    for (network, choice), part in there.groupby(["network", "choice"], sort=False):
        times = part.set_index(["batch", "runtime"])["ms"].to_dict()
        shown = [f"{times[timing]:.3f}" if timing in times else NOTHING for timing in timings]
        first = part.sort_values("batch").iloc[-1]  # of the most images
        macs = [millions(first["macs"]), millions(first["macs_executed"])]
        rows.append([str(network), str(choice), percent(first["accuracy"]), *macs, *shown])
    return titles, rows


def energy_in_words(measured: pd.DataFrame | None) -> str:
    """From the least to the most that a counter said of an image, or that none did."""
    if measured is None or "millijoules" not in measured or measured["millijoules"].isna().all():
        return NOT_MEASURED
    least, most = measured["millijoules"].min(), measured["millijoules"].max()
    return f"{least:.3g} to {most:.3g} mJ, of the whole device, by its own counter (column millijoules)"


def _range(low: float, high: float) -> str:
    first, last = threshold(low), threshold(high)
    return first if first == last else f"{first} to {last}"
