"""The paper's numbers, read off its charts, and how far ours are from them.

The files of papers_numbers/ come from the first author's poster, which shows the paper's own charts. One column is not on it: the
convolutions of `separately` are on talk slides alone, drawn anew and drifting. `reading_errors.csv` says how exact each is. The
paper counts exits and their layers from 1, we from 0: what is read here is counted as ours.

Inside the poster the cost axis is not at one with the bars of sparsity: these imply half of the MFLOPs at which the curves after
pruning are drawn, while those before the second phase begin near what we count. Shapes and ratios can be compared, not places.

Source: Görmez and Koyuncu 2022, arXiv:2207.03644, and the poster of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from exitprune.config.model import Model
from exitprune.evaluation.equal_accuracy import common_accuracies, cost_at
from exitprune.evaluation.statistics import Floats, rank_correlation
from exitprune.networks.groups import EXIT

FOLDER = Path(__file__).parent / "papers_numbers"
ARCHITECTURE, DEPTH = "resnet", 56
EXITS = [4, 8, 12, 16, 20, 24]
CIFAR10 = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
TOGETHER, SEPARATELY = "together", "separately"
APPROACHES = {"joint": TOGETHER, "ordered": SEPARATELY, "sequential": SEPARATELY}
"""The paper's approach that a recipe of this name follows; `sequential` does but for its heads, which are trained before."""
LAYERS, BEFORE, AFTER, CHANGE = "layer sparsity", "exit accuracy before", "exit accuracy", "change by pruning"
COLUMNS = ["quantity", "recipe", "position", "name", "paper", "ours", "difference", "comparable"]


def layer_sparsity() -> pd.DataFrame:
    """Sparsity after the last round: position (from 1), layer, weights, together, separately (NaN where no chart is right)."""
    table = pd.read_csv(FOLDER / "layer_sparsity.csv").rename(columns={"layer": "position", "name": "layer"})
    ours = {f"{EXIT}{number}": f"{EXIT}{number - 1}" for number in range(1, len(EXITS) + 1)}
    return table.replace({"layer": ours})[["position", "layer", "weights", TOGETHER, SEPARATELY]]


def exit_accuracy() -> pd.DataFrame:
    """A row per approach and exit (from 0): before and after pruning; of `separately`, before and after its second phase."""
    table = pd.read_csv(FOLDER / "exit_accuracy.csv")
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "approach": approach,
                    "exit": table["exit"] - 1,
                    "before": table[f"{approach}_before"],
                    "after": table[f"{approach}_after"],
                }
            )
            for approach in (TOGETHER, SEPARATELY)
        ],
        ignore_index=True,
    )


def lead_by_exit() -> pd.Series[float]:
    """Accuracy of `together` minus that of `separately` after pruning, a fraction, by exit."""
    after = exit_accuracy().pivot(index="exit", columns="approach", values="after")
    return after[TOGETHER] - after[SEPARATELY]


def tradeoff() -> pd.DataFrame:
    """The curves under a swept threshold: approach, state (before, after), mflops, accuracy."""
    return pd.read_csv(FOLDER / "tradeoff.csv")


def neighbours() -> pd.DataFrame:
    """What others published of this network on these images: network, accuracy, flops_saved, chosen_on."""
    return pd.read_csv(FOLDER / "neighbours.csv")


def reading_errors() -> pd.DataFrame:
    """How exactly each chart was read: quantity, approach, read_from, error, how_known."""
    return pd.read_csv(FOLDER / "reading_errors.csv")


def cost_ratio(accuracy: Floats) -> Floats:
    """Cost of `together` over that of `separately` at equal accuracies, after pruning; NaN beyond what both curves reach."""
    curves = tradeoff().query("state == 'after'")
    pair = [
        (part["mflops"].to_numpy(float), part["accuracy"].to_numpy(float))
        for part in (curves[curves["approach"] == approach] for approach in (TOGETHER, SEPARATELY))
    ]
    common = common_accuracies(pair)
    assert common is not None  # they were read off one chart
    first, second = (cost_at(*curve, accuracy) for curve in pair)
    ratio: Floats = np.where((accuracy >= common[0]) & (accuracy <= common[-1]), first / second, np.nan)
    return ratio


def values() -> pd.DataFrame:
    """All that was read off bars, in long form: quantity, approach, position, paper."""
    exits = exit_accuracy().rename(columns={"exit": "position"})
    layers = layer_sparsity().melt("position", [TOGETHER, SEPARATELY], "approach", "paper")
    parts = [layers.assign(quantity=LAYERS)]
    for quantity, paper in (
        (BEFORE, exits["before"]),
        (AFTER, exits["after"]),
        (CHANGE, exits["after"] - exits["before"]),
    ):
        parts.append(exits[["approach", "position"]].assign(quantity=quantity, paper=paper))
    return pd.concat(parts, ignore_index=True).dropna()[["quantity", "approach", "position", "paper"]]


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


def compare(ours: pd.DataFrame, comparable: bool) -> pd.DataFrame:
    """Paper, ours and the difference ours minus paper, for everything that was read off bars.

    Args:
        ours: quantity, recipe, position, name, ours; recipes that follow none of the paper's approaches are left out.
        comparable: whether the images are the paper's.
    """
    ours = ours.assign(approach=ours["recipe"].map(APPROACHES))
    merged = ours.merge(values(), on=["quantity", "approach", "position"])
    return merged.assign(difference=merged["ours"] - merged["paper"], comparable=comparable)[COLUMNS]


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


def distance_from_paper(
    approach: str, layers: Sequence[float], before: Sequence[float], after: Sequence[float]
) -> dict[str, float]:
    """How far one pruned network is from the chart of an approach: what a search for open settings goes by.

    Args:
        approach: `together` or `separately`.
        layers: sparsity of the 64 layers in order of execution.
        before, after: accuracy of the seven exits before and after pruning (of `separately`: its second phase).

    Returns:
        Mean absolute differences by quantity: layer sparsity, exit accuracy before, exit accuracy, change by pruning; beside
        them `head sparsity`, mean of ours minus paper over the six heads, with its sign, and `layer order`, the rank correlation
        of the layers.
    """
    change = np.subtract(after, before)
    ours = {LAYERS: np.asarray(layers), BEFORE: np.asarray(before), AFTER: np.asarray(after), CHANGE: change}
    table = values().query("approach == @approach")
    found: dict[str, float] = {}
    for quantity, mine in ours.items():
        chart = table[table["quantity"] == quantity].sort_values("position")
        place = chart["position"].to_numpy(int) - (quantity == LAYERS)
        found[quantity] = float(np.abs(mine[place] - chart["paper"].to_numpy(float)).mean())
        if quantity == LAYERS:
            found["layer order"] = rank_correlation(chart["paper"].to_numpy(float), mine[place])
    heads = layer_sparsity().query("layer.str.startswith(@EXIT)")
    difference = ours[LAYERS][heads["position"].to_numpy(int) - 1] - heads[approach].to_numpy(float)
    return {**found, "head sparsity": float(difference.mean())}
