"""Rows and cells of what came of all methods, for the page and for docs/methods.md. Every number was read from a table."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from exitprune.evaluation.methods import MEASURES, ORDERS, measured
from exitprune.evaluation.records import About
from exitprune.reporting.formatting import counted, interval, joined, percent, points, share, with_shares
from exitprune.reporting.method_words import Method
from exitprune.reporting.methods import WHEN

MISSED = 0.01
"""From how far off on a share that was reached is no longer the one asked for."""
SHOWN = 3
"""So many of the most accurate recipes are named."""


def table(
    means: pd.DataFrame, differences: pd.DataFrame, methods: Mapping[str, Method]
) -> tuple[list[str], list[list[str]]]:
    """A row per method and share: what it is, both orders, their difference, and what is left."""
    titles = ["to go, %", "of what", "prunes"]
    for name in ("classifier", "early exits"):
        titles += [f"{name}: joint, %", f"{name}: sequential, %", f"{name}: difference (interval), points"]
    for what in ("gone", "gone of exits", "MACs left"):
        titles += [f"{what}: joint, %", f"{what}: sequential, %"]
    titles.append("pairs of seeds")
    rank, rows = {name: place for place, name in enumerate(methods)}, []
    for (name, gone), by_order in sorted(by_method(means).items(), key=lambda one: (rank[one[0][0]], one[0][1])):
        gains = gains_of(differences, name, gone)
        row = [name, share(gone), methods[name].goes, WHEN[methods[name].when].split()[0]]
        for measure in MEASURES:
            row += [*(percent(by_order[order][measure]) for order in ORDERS), difference(gains[measure])]
        row += [percent(by_order[order][what]) for what in ("reached", "sparsity_exits", "left") for order in ORDERS]
        rows.append([*row, str(gains[MEASURES[0]]["num_seeds"])])
    return titles, rows


def by_method(means: pd.DataFrame) -> dict[tuple[str, float], dict[str, dict[str, float]]]:
    """By method and share, then by order: accuracies, share reached, MACs left; NaN where there is no record or nothing goes."""
    found: dict[tuple[str, float], dict[str, dict[str, float]]] = {}
    for row in means.to_dict("records"):
        values = {measure: float(row[measure]) for measure in MEASURES}
        values |= {"sparsity_exits": row["sparsity_exits"], "left": row["macs"] / row["macs_dense"]}
        values["reached"] = math.nan if row["per_image"] else row["units_gone"]
        nothing = {order: dict.fromkeys(values, math.nan) for order in ORDERS}
        found.setdefault((row["method"], row["gone"]), nothing)[row["order"]] = values
    return found


def gains_of(differences: pd.DataFrame, method: str, gone: float) -> dict[str, dict[Any, Any]]:
    """What `differences` says of a method at a share, by measure."""
    mine = differences[(differences["method"] == method) & (differences["gone"] == gone)]
    return {row["measure"]: row for row in mine.to_dict("records")}


def difference(gain: Mapping[Any, Any]) -> str:
    """With its interval, where there is one, and a star where it is left after correction."""
    if math.isnan(gain["low"]):
        return points(gain["difference"])
    return f"{points(gain['difference'])} ({interval(gain['low'], gain['high'])}){'*' * bool(gain['holds'])}"


def labels(means: pd.DataFrame) -> dict[str, str]:
    """Names of methods for the rows of a figure of one share, with a mark if it was missed and the seeds if others have more."""
    every, seeds, told = means["num_seeds"].max(), means.groupby("method")["num_seeds"].min(), {}
    for (name, gone), by_order in by_method(means).items():
        is_off = any(abs(of["reached"] - gone) > MISSED for of in by_order.values())
        few = f" ({counted(int(seeds[name]), 'seed')})" * bool(seeds[name] < every)
        told[name] = name + few + " \N{DAGGER}" * is_off
    return told


def missed(means: pd.DataFrame, methods: Mapping[str, Method]) -> list[str]:
    """Methods that did not reach the share asked for, with what they reached."""
    told = []
    for (name, gone), by_order in by_method(means).items():
        off = {order: of["reached"] for order, of in by_order.items() if abs(of["reached"] - gone) > MISSED}
        if off:
            reached = ", ".join(f"{percent(value)} ({order})" for order, value in off.items())
            told.append(f"{name} at {share(gone)} % of {methods[name].goes}: {reached}")
    return told


def best(means: pd.DataFrame, measure: str, gone: float) -> list[str]:
    """The most accurate of those that lost the share that was to go: recipe, accuracy and MACs left, in per cent.

    Where seeds are missing their number is told.
    """
    mine = means[(means["gone"] == gone) & ~means["per_image"] & ((means["units_gone"] - gone).abs() <= MISSED)]
    every = means["num_seeds"].max()
    return [
        f"{row['method']}-{row['order']} {percent(row[measure])} ({percent(row['macs'] / row['macs_dense'])}"
        + (f", {row['num_seeds']} of {every} seeds)" if row["num_seeds"] < every else ")")
        for row in mine.sort_values(measure, ascending=False, kind="stable").head(SHOWN).to_dict("records")
    ]


def unpruned(runs: pd.DataFrame) -> dict[str, float]:
    """Accuracy of the networks that pruning of trained ones began with, mean over seeds, by measure."""
    seeds = runs.drop_duplicates("seed")
    return {measure: float(seeds[f"unpruned_{measure}"].mean()) for measure in MEASURES}


def accuracies(abouts: Sequence[About]) -> dict[str, float]:
    """Of networks after recovery, mean over the records, by measure."""
    each = [measured(about.levels[-1]) for about in abouts]
    return {measure: sum(values) / len(each) for measure, values in zip(MEASURES, zip(*each, strict=True), strict=True)}


def emptied(runs: pd.DataFrame) -> list[tuple[str, str, str]]:
    """By method and share: blocks and exits in which a layer lost all its weights, and in how many networks of either order."""
    told = []
    for _, rows in runs.groupby(["gone", "method"], sort=False):
        gone, method = rows.iloc[0][["gone", "method"]]
        counts: defaultdict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(ORDERS, 0))
        for order, layers in zip(rows["order"], rows["emptied"], strict=True):
            for part in {layer.partition(".")[0] for layer in layers.split()}:
                counts[part][order] += 1
        alike = defaultdict(list)
        for part in sorted(counts):
            alike[tuple(counts[part].values())].append(part)
        all_of = [int((rows["order"] == order).sum()) for order in ORDERS]
        for emptied_in, parts in alike.items():
            words = zip(emptied_in, all_of, ORDERS, strict=True)
            networks = " and ".join(f"{some} of {whole} {order}" for some, whole, order in words)
            told.append((f"{method} at {share(gone)} %", joined(parts), f"{networks} networks"))
    return told


def by_share(rows: pd.DataFrame) -> str:
    """Methods, each with the shares at which it is among the rows: erk (50, 80 %), snip (90 %)."""
    shares = defaultdict(list)
    for row in rows.sort_values("gone").to_dict("records"):
        shares[row["method"]].append(share(row["gone"]) + "*" * bool(row["holds"]))
    return with_shares(shares)
