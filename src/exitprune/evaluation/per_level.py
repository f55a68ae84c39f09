"""From the logits of one level to records: what it is, how sparse, how good every exit is, and where thresholds lead.

Thresholds are chosen on validation logits and reported on test logits. Nothing here sees two levels at once: see `tables`.

Letters: E exits, N images, K classes, T thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from exitprune.evaluation.calibration import calibration
from exitprune.evaluation.exiting import Sweep
from exitprune.evaluation.operating_points import Costs, Rule, choose, outcome
from exitprune.evaluation.statistics import Floats
from exitprune.networks.early_exit import group_of

Row = dict[str, Any]
State = Literal["unpruned", "between", "pruned", "recovered"]
"""`pruned` is the level after the last round, `between` those on the way there."""
EMPTIABLE = ("filters", "empty_filters", "channels", "empty_channels")
THRESHOLDS = 1 - 10 ** -np.linspace(0, 6, 121)
"""Where exit rates are tabulated for plotting, from 0 to 0.999999, ever denser towards 1, where trained networks are; nothing is
chosen from these."""


@dataclass(frozen=True)
class Level:
    """A saved network as evaluation left it.

    Attributes:
        recipe, seed, name, level, state: which.
        header: group of the round, sparsity by group, cost per layer and per exit.
        logits: (E, N, K) by split, `validation` and `test`.
        macs_by_image: (E, N) by split, of leaving at each exit, where they depend on the image.
    """

    recipe: str
    seed: int
    name: str
    level: int
    state: State
    header: Mapping[str, Any]
    logits: Mapping[str, Tensor]
    macs_by_image: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def run(self) -> Row:
        """The columns that every table begins with."""
        return {"recipe": self.recipe, "seed": self.seed}

    def macs(self, split: str) -> Tensor:
        """Of leaving at each exit: (E, N) where they depend on the image, else (E, 1)."""
        if split in self.macs_by_image:
            return self.macs_by_image[split]
        return torch.tensor([[cost["macs"]] for cost in self.header["exits"]])


def level_row(level: Level) -> Row:
    """Which level, the group its round pruned, the sparsity of each group, and the digest of its weights."""
    sparsity = {f"sparsity_{group}": share for group, share in level.header["sparsity"].items()}
    about = {"level": level.level, "name": level.name, "state": level.state, "prune": level.header["prune"]}
    return {**level.run, **about, **sparsity, "sha256": level.header["weights_sha256"]}


def layer_rows(level: Level) -> list[Row]:
    """One row per prunable layer, in order of execution, positions from 1."""
    return [
        {
            **level.run,
            "level": level.level,
            "position": position,
            "layer": layer["name"],
            "group": group_of(layer["name"]),
            "weights": layer["weights"],
            "kept": layer["kept"],
            "sparsity": 1 - layer["kept"] / layer["weights"],
        }
        for position, layer in enumerate(level.header["layers"], 1)
    ]


def exit_rows(level: Level, labels: Mapping[str, Tensor]) -> list[Row]:
    """Accuracy of every exit, were all images to leave there, and its cost per image: one row per split and exit."""
    about = {**level.run, "level": level.level, "name": level.name, "state": level.state}
    rows = []
    for split, logits in level.logits.items():
        accuracy = (logits.argmax(dim=-1) == labels[split]).double().mean(dim=-1)  # (E,)
        for cost, value in zip(level.header["exits"], accuracy.tolist(), strict=True):
            rows.append({**about, "split": split, "exit": cost["exit"], "accuracy": value, **cost})
    return rows


def emptied_row(level: Level) -> Row:
    """What has no weight left, counted over all layers, and the MACs dense kernels still do once it is taken out exactly."""
    layers = {layer["name"]: layer for layer in level.header["emptied"]}
    row = {what: sum(layer[what] for layer in layers.values()) for what in EMPTIABLE}
    branches = [name.removesuffix(".c1") for name in layers if name.endswith(".c1")]
    row["branches"] = len(branches)
    row["empty_branches"] = sum(
        any(layers[f"{block}.{part}"]["empty_filters"] == layers[f"{block}.{part}"]["filters"] for part in ("c1", "c2"))
        for block in branches
    )
    macs = {
        "macs_dense": level.header["exits"][-1]["macs_dense"],
        "macs_after_removal": level.header["macs_after_removal"],
    }
    return {**level.run, "level": level.level, "name": level.name, "state": level.state, **row, **macs}


def calibration_rows(level: Level, labels: Mapping[str, Tensor]) -> list[Row]:
    """How far confidence is from accuracy on test images, for every exit, as it is and with its own temperature."""
    about = {**level.run, "level": level.level, "name": level.name, "state": level.state}
    return [{**about, **row} for row in calibration(level.logits, labels)]


def rates_on_grid(swept: Sweep) -> Floats:
    """Share of images leaving at each exit, at each of `THRESHOLDS`: (grid, E)."""
    row = np.searchsorted(-swept.threshold, -THRESHOLDS)  # nothing changes from one row of a sweep up to the one before
    return swept.exit_rate[row]


def operating_rows(level: Level, labels: Mapping[str, Tensor], validation: Sweep, margin: float) -> list[Row]:
    """Three thresholds chosen on validation images, and what they give on test images.

    Args:
        level: with the logits of both splits.
        labels: (N,) by split.
        validation: sweep over the validation images.
        margin: accuracy that the choice `cheapest` may lose against nobody leaving early.

    Returns:
        A row per choice, `cheapest`, `best` (in accuracy) and `half` (the best at half the MACs, where there is one):
        threshold, accuracy and average MACs on both splits, and
        exit_rate, the share of test images leaving at each exit.
    """
    costs = {split: Costs(level.macs(split)) for split in level.logits}
    rows = []
    rules = {
        "cheapest": Rule("accuracy_lost", margin),
        "best": Rule("macs_share", 1.0),
        "half": Rule("macs_share", 0.5),
    }
    for choice, rule in rules.items():
        threshold = choose(validation, rule, costs["validation"])
        if threshold is None:
            continue
        there = {
            split: outcome(logits, labels[split], costs[split], threshold) for split, logits in level.logits.items()
        }
        row: Row = {**level.run, "state": level.state, "choice": choice, "threshold": threshold}
        for split, got in there.items():
            row |= {f"{split}_accuracy": got.accuracy, f"{split}_macs": got.average_macs}
        rows.append({**row, "exit_rate": there["test"].exit_rate})
    return rows


def measure_rows(level: Level, exits: list[Row], operating: list[Row]) -> list[Row]:
    """What headlines and claims rest on, in long form.

    Args:
        level: which.
        exits: what `exit_rows` gave for it.
        operating: what `operating_rows` gave for it.

    Returns:
        recipe, seed, state, measure, value; accuracies are of the test images.
    """
    *early, last = [row["accuracy"] for row in exits if row["split"] == "test"]
    measures = {f"sparsity_{group}": share for group, share in level.header["sparsity"].items()}
    measures |= {"last_exit_accuracy": last, "early_exits_accuracy": fmean(early) if early else math.nan}
    measures["last_exit_macs"] = float(level.macs("test")[-1].double().mean())
    for row in operating:
        measures |= {f"{row['choice']}_accuracy": row["test_accuracy"], f"{row['choice']}_macs": row["test_macs"]}
    state = {**level.run, "state": level.state}
    return [{**state, "measure": measure, "value": float(value)} for measure, value in measures.items()]
