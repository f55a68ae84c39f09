"""The tables of the report as text: column titles, and rows of cells. Each is a table of the study, formatted."""

from __future__ import annotations

from typing import Any

import pandas as pd

from exitprune.config.params import Params
from exitprune.deployment.measured_times import NOBODY, WITHIN
from exitprune.reporting.formatting import NOTHING, STATES, millions, percent, signed, with_spread

DIGITISED = {"exit accuracy": 3, "layer sparsity": 2}
"""Decimals of the paper's values, as they were read off its charts."""
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
    "cheapest": "cheapest within {margin} point of accuracy",
}
"""Of the operating points; the MACs are those of the same network when nobody leaves early."""


def headlines(measures: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Means over seeds of what matters most: column titles and rows of text."""
    values = measures.groupby(["state", "recipe", "measure"], sort=False)["value"]
    means, stds = values.mean().to_dict(), values.std().to_dict()
    recipes = list(measures["recipe"].unique())
    columns = [("unpruned", recipes[0])] + [(state, recipe) for state in ("final", "recovered") for recipe in recipes]
    titles = ["unpruned", *(f"{recipe}, {STATES[state]}" for state, recipe in columns[1:])]
    rows = []
    for measure, (label, form) in HEADLINES.items():
        cells = [(*column, measure) for column in columns]
        rows.append([label, *(with_spread(means[cell], stds[cell], form) for cell in cells)])
    return titles, rows


def exit_table(exits: pd.DataFrame, rates: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Per exit: accuracy, MACs and the share of images leaving there at the operating point, after the last round."""
    test = exits[exits["split"] == "test"]
    recipes = list(test["recipe"].unique())
    chosen = rates[(rates["state"] == "final") & (rates["choice"] == "cheapest")]
    titles = ["block", "accuracy unpruned, %"]
    for recipe in recipes:
        titles += [f"{recipe}: accuracy, %", f"{recipe}: MACs, millions", f"{recipe}: images leaving, %"]
    rows = []
    for exit_, there in test.groupby("exit"):
        unpruned = there[(there["state"] == "unpruned") & (there["recipe"] == recipes[0])]["accuracy"]
        row = [str(exit_), str(there["block"].iloc[0]), with_spread(unpruned.mean(), unpruned.std(), "percent")]
        for recipe in recipes:
            pruned = there[(there["state"] == "final") & (there["recipe"] == recipe)]
            leaving = chosen[(chosen["recipe"] == recipe) & (chosen["exit"] == exit_)]["exit_rate"]
            row.append(with_spread(pruned["accuracy"].mean(), pruned["accuracy"].std(), "percent"))
            row += [millions(pruned["macs"].mean()), percent(leaving.mean())]
        rows.append(row)
    return titles, rows


def operating_table(points: pd.DataFrame, exits: pd.DataFrame, params: Params) -> tuple[list[str], list[list[str]]]:
    """What thresholds chosen on validation give on test, for every network and rule."""
    dense = exits["macs_dense"].max()
    margin = f"{100 * params.evaluate.margin:g}"
    titles = [
        "network",
        "threshold, lowest to highest",
        "accuracy, %",
        "average MACs, millions",
        "of the dense network's, %",
    ]
    rows = []
    shown = points[(points["state"] != "unpruned") | (points["recipe"] == points["recipe"].iloc[0])]
    for (choice, state, recipe), there in shown.groupby(["choice", "state", "recipe"], sort=False):
        accuracy, macs, thresholds = there["test_accuracy"], there["test_macs"], there["threshold"]
        rows.append(
            [
                CHOICES[str(choice)].format(margin=margin),
                "unpruned" if state == "unpruned" else f"{recipe}, {STATES[str(state)]}",
                f"{thresholds.min():.6g} to {thresholds.max():.6g}",
                with_spread(accuracy.mean(), accuracy.std(), "percent"),
                with_spread(macs.mean(), macs.std(), "millions"),
                percent(macs.mean() / dense),
            ]
        )
    return titles, sorted(rows, key=lambda row: row[0])


def emptied_table(emptied: pd.DataFrame) -> tuple[list[str], list[list[str]]] | None:
    """What had no weight left at each round, mean over seeds, and what dense kernels still do without it; None: nothing, ever."""
    if not emptied.filter(like="empty_").to_numpy().any():
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
    means = emptied.groupby(["recipe", "level", "state"], sort=False)[counts].mean().reset_index()
    rows = []
    for row in means.to_dict("records"):
        rows.append(
            [
                row["recipe"],
                "recovered" if row["state"] == "recovered" else str(row["level"]),
                percent(row["empty_filters"] / row["filters"]),
                percent(row["empty_channels"] / row["channels"]),
                f"{row['empty_branches']:.1f}",
                f"{row['branches']:.0f}",
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
        times = part.set_index(["batch", "runtime"])["milliseconds"].to_dict()
        shown = [f"{times[timing]:.3f}" if timing in times else NOTHING for timing in timings]
        first = part.sort_values("batch").iloc[-1]  # of the most images
        macs = [millions(first["macs"]), millions(first["macs_executed"])]
        rows.append([str(network), str(choice), percent(first["accuracy"]), *macs, *shown])
    return titles, rows


def comparison(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Paper / ours / difference, one block per quantity; none for another network than the paper's."""
    blocks = []
    for quantity, digits in DIGITISED.items() if len(table) else ():
        part = table[table["quantity"] == quantity]
        wide = part.pivot(index=["position", "name"], columns="recipe", values=["paper", "ours", "difference"])
        recipes = list(part["recipe"].unique())
        rows = []
        for name, row in zip(wide.index.get_level_values("name"), wide.to_dict("records"), strict=True):
            cells = [name]
            for recipe in recipes:
                cells += [
                    f"{row['paper', recipe]:.{digits}f}",
                    f"{row['ours', recipe]:.3f}",
                    signed(row["difference", recipe], 3),
                ]
            rows.append(cells)
        blocks.append({"quantity": quantity, "recipes": recipes, "rows": rows})
    return blocks
