"""From records of single levels to the tables that figures, claims and the report read: everything over seeds.

Tables are tidy: one row is one observation, accuracy a fraction, MACs per image. Nothing here reads or writes files.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from torch import Tensor

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation import per_level
from exitprune.evaluation.claims import judge
from exitprune.evaluation.exiting import sweep
from exitprune.evaluation.paper import agreement, compare
from exitprune.evaluation.per_level import Level, Row
from exitprune.evaluation.statistics import over_seeds, paired_difference
from exitprune.evaluation.tradeoff import Curve, over_common_range, tabulate

Tables = dict[str, pd.DataFrame]


def build(levels: Iterable[Level], labels: Mapping[str, Tensor], blocks: Sequence[int], evaluate: Evaluate) -> Tables:
    """The tables of a study, by name; those beside the paper's are `beside_paper`'s.

    Args:
        levels: of every run, taken one at a time and not kept.
        labels: (N,) by split, `validation` and `test`.
        blocks: the block after which each exit stands, the classifier's last.
        evaluate: confidence, margin, resamples.
    """
    rows, curves = _collect(levels, labels, evaluate.margin)
    exits = pd.DataFrame(rows["exits"])
    exits.insert(list(exits.columns).index("exit"), "block", exits["exit"].map(dict(enumerate(blocks))))
    per_level, layers, operating = (pd.DataFrame(rows[name]) for name in ("levels", "layers", "operating"))
    operating = _of_every_seed(operating, ["recipe", "state", "choice"])
    measures = _of_every_seed(
        pd.DataFrame(rows["measures"] + over_common_range(curves)), ["recipe", "state", "measure"]
    )
    along_layers = ["position", "layer", "group", "weights"]
    return {
        "levels": per_level,
        "layers": layers,
        "layers_mean": over_seeds(layers, ["recipe"], along_layers, "sparsity", evaluate),
        "layers_difference": _layers_difference(layers, along_layers, evaluate),
        "exits": exits,
        "exits_mean": _exits_mean(exits, per_level, evaluate),
        "tradeoff": tabulate(curves, evaluate),
        "exit_rates": _mean_rates(rows["rates"]),
        "emptied": pd.DataFrame(rows["emptied"]),
        "calibration": pd.DataFrame(rows["calibration"]),
        "operating_points": operating.drop(columns="exit_rate"),
        "operating_rates": _long_rates(operating),
        "measures": measures,
        "claims": judge(measures, evaluate),
    }


def beside_paper(tables: Tables, papers_network: bool, papers_data: bool) -> Tables:
    """Paper / ours / difference, and how well they agree.

    Args:
        tables: what `build` gave.
        papers_network: whether layers and exits are the paper's; if not, there are no rows.
        papers_data: whether the images are the paper's too, so that a difference means something.
    """
    layers, exits = tables["layers_mean"], tables["exits_mean"]
    comparison = compare(layers, exits, papers_data) if papers_network else compare(layers[:0], exits[:0], papers_data)
    return {"paper_comparison": comparison, "paper_summary": agreement(comparison)}


def summary(tables: Tables) -> dict[str, Any]:
    """Means over seeds by recipe and state, and the differences, for `dvc metrics`; what cannot be told is left out.

    The unpruned network is the same for every recipe and stands once.
    """
    metrics: dict[str, Any] = {}
    means = tables["measures"].groupby(["recipe", "state", "measure"], sort=False)["value"].mean().reset_index()
    for row in means.to_dict("records"):
        name = row["measure"].replace("sparsity_", "final_sparsity_")  # `sparsity` is a parameter
        where = ("unpruned",) if row["state"] == "unpruned" else (row["recipe"], row["state"])
        _put(metrics, row["value"], *where, name)
    for row in tables["claims"].to_dict("records"):
        _put(metrics, row["difference"], f"joint_minus_{row['against']}", row["state"], row["measure"])
    for row in tables["paper_summary"].query("comparable == True").to_dict("records"):
        quantity = row["quantity"].replace(" ", "_")
        _put(metrics, row["mean_absolute_difference"], "difference_from_paper", row["recipe"], quantity)
    return metrics


def _put(metrics: dict[str, Any], value: float, *keys: str) -> None:
    if math.isfinite(value):
        *folders, name = keys
        for folder in folders:
            metrics = metrics.setdefault(folder, {})
        metrics[name] = value


def _collect(
    levels: Iterable[Level], labels: Mapping[str, Tensor], margin: float
) -> tuple[dict[str, list[Row]], list[Curve]]:
    rows: dict[str, list[Row]] = defaultdict(list)
    curves = []
    for level in levels:
        exits = per_level.exit_rows(level, labels)
        rows["levels"].append(per_level.level_row(level))
        rows["exits"] += exits
        rows["emptied"].append(per_level.emptied_row(level))
        rows["calibration"] += per_level.calibration_rows(level, labels)
        if level.state == "pruned":
            rows["layers"] += per_level.layer_rows(level)
        if level.state == "between":
            continue
        validation, test = (
            sweep(level.logits[split], labels[split], level.macs(split)) for split in ("validation", "test")
        )
        curves.append(Curve(level.recipe, level.seed, level.state, test.average_macs, test.accuracy))
        operating = per_level.operating_rows(level, labels, validation, margin)
        rows["operating"] += operating
        rows["measures"] += per_level.measure_rows(level, exits, operating)
        for threshold, rates in zip(per_level.THRESHOLDS.tolist(), per_level.rates_on_grid(test).tolist(), strict=True):
            rows["rates"].append({**level.run, "state": level.state, "threshold": threshold, "exit_rate": rates})
    return rows, curves


def _of_every_seed(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Without what some seeds do not have, such as an operating point out of their reach: a mean would be over others."""
    return table[table.groupby(keys)["seed"].transform("nunique") == table["seed"].nunique()].reset_index(drop=True)


def _exits_mean(exits: pd.DataFrame, levels: pd.DataFrame, evaluate: Evaluate) -> pd.DataFrame:
    """Test accuracy of every exit at every level over seeds, with the mean sparsity of the level."""
    along = ["level", "name", "state", "block", "exit"]
    table = over_seeds(exits[exits["split"] == "test"], ["recipe"], along, "accuracy", evaluate)
    sparsity = levels.groupby(["recipe", "name"])["sparsity_all"].mean().rename("sparsity").reset_index()
    pruned = levels.groupby(["recipe", "name"])["prune"].first().reset_index()
    return table.merge(sparsity, on=["recipe", "name"]).merge(pruned, on=["recipe", "name"])


def _layers_difference(layers: pd.DataFrame, along: list[str], evaluate: Evaluate) -> pd.DataFrame:
    """Sparsity joint minus sequential by layer with its t interval; no rows unless both recipes ran."""
    rows = []
    wide = layers.pivot(index=along, columns=["recipe", "seed"], values="sparsity")
    if {"joint", "sequential"} <= set(layers["recipe"]):
        for keys, joint, sequential in zip(
            wide.index, wide["joint"].to_numpy(), wide["sequential"].to_numpy(), strict=True
        ):
            difference = paired_difference(joint, sequential, evaluate.confidence_level)
            interval = {"difference": difference.mean, "low": difference.low, "high": difference.high}
            rows.append({**dict(zip(along, keys, strict=True)), **interval, "num_seeds": difference.num})
    return pd.DataFrame(rows, columns=[*along, "difference", "low", "high", "num_seeds"])


def _mean_rates(rows: list[Row]) -> pd.DataFrame:
    long = _long_rates(pd.DataFrame(rows))
    return long.groupby(["recipe", "state", "threshold", "exit"], sort=False)["exit_rate"].mean().reset_index()


def _long_rates(table: pd.DataFrame) -> pd.DataFrame:
    """One row per exit from lists of exit rates; the other columns that are results go."""
    keys = [name for name in ("recipe", "seed", "state", "choice", "threshold") if name in table]
    long = table[[*keys, "exit_rate"]].explode("exit_rate").astype({"exit_rate": float})
    long.insert(len(keys), "exit", long.groupby(level=0).cumcount())
    return long.reset_index(drop=True)
