"""The paper's numbers, digitised from its charts, and when ours may be held against them.

The two files in papers_numbers/ were read off bar and line charts of the first author's slides, to about 0.01; layer 60
(`b26.c1`) is drawn far from its neighbours and is taken as read, not as certain. The paper counts exits and
their layers from 1, we from 0: what is read from these files is counted as ours.

Source: Görmez and Koyuncu 2022, arXiv:2207.03644.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from exitprune.config.model import Model
from exitprune.evaluation.statistics import rank_correlation
from exitprune.networks.groups import EXIT

FOLDER = Path(__file__).parent / "papers_numbers"
ARCHITECTURE, DEPTH = "resnet", 56
EXITS = [4, 8, 12, 16, 20, 24]
CIFAR10 = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
COLUMNS = {"together": "joint", "separately": "sequential"}
"""The paper's words for the recipes, and ours."""


def layer_sparsity() -> pd.DataFrame:
    """Sparsity after the last round: position (from 1), layer, joint, sequential."""
    table = pd.read_csv(FOLDER / "layer_sparsity.csv").rename(columns=COLUMNS)
    table = table.rename(columns={"layer": "position", "name": "layer"})
    ours = {f"{EXIT}{number}": f"{EXIT}{number - 1}" for number in range(1, len(EXITS) + 1)}
    return table.replace({"layer": ours})[["position", "layer", "joint", "sequential"]]


def exit_accuracy() -> pd.DataFrame:
    """Accuracy after the last round: exit (from 0), joint, sequential."""
    table = pd.read_csv(FOLDER / "exit_accuracy.csv").rename(columns=COLUMNS)
    return table.assign(exit=table["exit"] - 1)[["exit", "joint", "sequential"]]


def is_papers_network(model: Model) -> bool:
    """Whether layers and exits are the paper's, one by one."""
    network = (model.architecture, model.settings, list(model.exits))
    return network == (ARCHITECTURE, {"depth": DEPTH}, EXITS)


def is_papers_data(manifest: Mapping[str, Any]) -> bool:
    """Whether the images are CIFAR-10's, all of them, through whatever source they came."""
    shape = (manifest["channels"], manifest["height"], manifest["width"])
    counts = {split: sum(by_class.values()) for split, by_class in manifest["counts"].items()}
    sizes = (counts["train"] + counts["validation"], counts["test"])
    return shape == (3, 32, 32) and set(manifest["classes"]) == CIFAR10 and sizes == (50_000, 10_000)


def compare(layers: pd.DataFrame, exits: pd.DataFrame, comparable: bool) -> pd.DataFrame:
    """Paper, ours and the difference ours minus paper, for every layer and exit after the last round.

    Args:
        layers, exits: our means.
        comparable: whether the images are the paper's.
    """
    ours_layers = layers.assign(quantity="layer sparsity", name=layers["layer"], ours=layers["sparsity"])
    last = exits[exits["state"] == "final"].assign(quantity="exit accuracy")
    ours_exits = last.assign(position=last["exit"], name="exit " + last["exit"].astype(str), ours=last["accuracy"])
    papers_exits = exit_accuracy().rename(columns={"exit": "position"})
    parts = []
    for ours, theirs in ((ours_layers, layer_sparsity()), (ours_exits, papers_exits)):
        long = theirs.melt("position", ["joint", "sequential"], "recipe", "paper")
        merged = ours[["quantity", "recipe", "position", "name", "ours"]].merge(long, on=["recipe", "position"])
        parts.append(merged.assign(difference=merged["ours"] - merged["paper"], comparable=comparable))
    columns = ["quantity", "recipe", "position", "name", "paper", "ours", "difference", "comparable"]
    return pd.concat(parts, ignore_index=True)[columns]


def agreement(comparison: pd.DataFrame) -> pd.DataFrame:
    """Per quantity and recipe: mean absolute difference and rank correlation of ours with the paper's values."""
    rows = []
    for (quantity, recipe), part in comparison.groupby(["quantity", "recipe"], sort=False):
        correlation = rank_correlation(part["paper"].to_numpy(float), part["ours"].to_numpy(float))
        mean = float(part["difference"].abs().mean())
        row = {"quantity": quantity, "recipe": recipe, "num": len(part), "mean_absolute_difference": mean}
        rows.append({**row, "rank_correlation": correlation, "comparable": bool(part["comparable"].iloc[0])})
    columns = ["quantity", "recipe", "num", "mean_absolute_difference", "rank_correlation", "comparable"]
    return pd.DataFrame(rows, columns=columns)
