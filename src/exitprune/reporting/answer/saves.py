"""What it saves: work and, where it was timed, milliseconds, with the accuracy that they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from exitprune.deployment.measured_times import NOBODY, WITHIN
from exitprune.evaluation.guessing import chance, is_near_chance
from exitprune.reporting.answer import RECOVERED, Box, first_up, mean_of
from exitprune.reporting.answer.deploys import Deploy
from exitprune.reporting.formatting import millions, percent, points

DENSE = ("onnxruntime", "compiled", "eager")
"""Runtimes of the network that was there first: the first of these that was timed."""
KERNELS = {"sparse": "sparse kernels", "int8": "eight bits"}
BATCH = 64


def saves(
    tables: Mapping[str, pd.DataFrame],
    manifest: Mapping[str, Any],
    deploy: Deploy | None,
    measured: pd.DataFrame | None,
) -> Box:
    """Work and, where it was timed, milliseconds, with the accuracy that they cost."""
    dense = tables["exits"]["macs_dense"].max()
    unpruned = mean_of(tables["measures"], "unpruned", tables["measures"]["recipe"].iloc[0], "last_exit_accuracy")
    lines = []
    if deploy is None:
        headline = "No threshold kept within the accuracy that may be lost."
    else:
        mean = _operating(tables["operating_points"], RECOVERED, deploy.recipe)
        headline = f"{percent(1 - mean['test_macs'] / dense)} % fewer MACs, {_lost(mean['test_accuracy'] - unpruned)}."
        lines.append(
            f"{first_up(deploy.recipe)} after recovery, leaving early: {millions(mean['test_macs'])} of {millions(dense)} "
            f"million MACs per image, {percent(mean['test_accuracy'])} % right; the unpruned classifier "
            f"{percent(unpruned)} %, chance {percent(chance(manifest))} %."
        )
        alone = _operating(tables["operating_points"], "unpruned", deploy.recipe)
        fewer, right = percent(1 - alone["test_macs"] / dense), percent(alone["test_accuracy"])
        lines.append(f"Leaving early alone, without pruning: {fewer} % fewer, {right} % right.")
    levels = tables["levels"]
    shown = levels[levels["recipe"] == deploy.recipe] if deploy else levels
    lines.append(_time(measured, shown) or "Not timed yet; zeros alone save time in sparse kernels only.")
    if is_near_chance(unpruned, manifest):
        lines.insert(
            0, "The unpruned network is hardly better than chance: train it longer before reading anything into this."
        )
    return Box(headline, lines)


def _lost(change: float) -> str:
    if points(change) == "0.0":
        return "no accuracy lost"
    return f"{percent(abs(change))} points of accuracy {'lost' if change < 0 else 'gained'}"


def _time(measured: pd.DataFrame | None, levels: pd.DataFrame) -> str | None:
    """The network that was there first against the recovered one leaving early, in the runtime that is fastest for it."""
    if measured is None:
        return None
    runtime = next(name for name in DENSE if name in set(measured["runtime"]))
    there = measured[measured["threads"] == 1]
    batch = BATCH if BATCH in set(there["batch"]) else there["batch"].max()
    there = there[there["batch"] == batch]
    is_ours = there["sha256"].isin(levels[levels["state"] == RECOVERED]["sha256"])
    slow = there[~is_ours & (there["choice"] == NOBODY) & (there["runtime"] == runtime)]
    fast = there[is_ours & (there["choice"] == WITHIN)]
    if slow.empty or fast.empty:
        return None
    before = slow[slow["network"] == slow["network"].iloc[0]]
    shared = fast.groupby("runtime").filter(lambda rows: set(rows["seed"]) == set(before["seed"]))
    means = (fast if shared.empty else shared).groupby(["network", "runtime"], sort=False)[["ms", "accuracy"]].mean()
    after = means.reset_index().sort_values("ms").iloc[0]
    kernels, network = KERNELS.get(after["runtime"], after["runtime"]), after["network"].removesuffix(", int8")
    return (
        f"Measured: {after['ms']:.3g} ms per image in {kernels} instead of {before['ms'].mean():.3g} in {runtime} "
        f"({network}, {percent(after['accuracy'])} % right, against {before['network'].iloc[0]}; batches of {batch}, one "
        f"thread, {before['machine'].iloc[0]})."
    )


def _operating(points_: pd.DataFrame, state: str, recipe: str) -> pd.Series:
    there = points_[(points_["state"] == state) & (points_["recipe"] == recipe) & (points_["choice"] == "cheapest")]
    return there[["test_accuracy", "test_macs"]].mean()
