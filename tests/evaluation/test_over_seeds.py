"""Tables of a whole made-up study."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
import torch

from exitprune.evaluation.over_seeds import Tables, beside_paper, build, summary
from exitprune.evaluation.per_level import Level
from tests.synthetic import EVALUATE

LABELS = {split: torch.tensor([0, 1, 2, 0, 1, 2, 0, 1]) for split in ("validation", "test")}
RIGHT = torch.nn.functional.one_hot(LABELS["test"], 3).float()
"""Logits of an exit that is always right."""


def a_level(recipe: str, seed: int, number: int, state: Any, kept: int, wrong: int) -> Level:
    """Two exits; the first is wrong about so many images."""
    early = RIGHT.clone()
    early[:wrong] = 1 - early[:wrong]
    logits = torch.stack([early, 3 * RIGHT])
    header = {
        "prune": None if number == 0 else "all",
        "sparsity": dict.fromkeys(("all", "base", "exits"), 1 - kept / 10),
        "layers": [
            {"name": name, "exit": 0, "positions": 1, "weights": 10, "kept": kept} for name in ("stem", "exit0", "fc")
        ],
        "exits": [
            {"exit": exit_, "macs": macs, "macs_dense": 20, "params": macs, "params_dense": 20}
            for exit_, macs in enumerate((kept, 2 * kept))
        ],
        "weights_sha256": "k",
        "emptied": [{"name": "stem", "filters": 4, "empty_filters": 1, "channels": 3, "empty_channels": 0}],
        "macs_after_removal": 10,
    }
    name = "recovered" if state == "recovered" else f"level-{number:02d}"
    return Level(recipe, seed, name, number, state, header, dict.fromkeys(LABELS, logits))


def a_study(recipes: tuple[str, ...] = ("joint", "sequential"), seeds: tuple[int, ...] = (0, 1)) -> Tables:
    levels = []
    for recipe in recipes:
        for seed in seeds:
            harm = 2 + seed + 2 * (recipe == "sequential")
            levels += [
                a_level(recipe, seed, 0, "unpruned", 10, 1),
                a_level(recipe, seed, 1, "between", 8, 2),
                a_level(recipe, seed, 2, "pruned", 4, harm),
                a_level(recipe, seed, 2, "recovered", 4, harm - 1),
            ]
    tables = build(iter(levels), LABELS, [3, 4], EVALUATE)
    return tables | beside_paper(tables, papers_network=False, papers_data=True)


def test_exits_have_a_row_per_level_exit_and_split_with_block_and_cost() -> None:
    exits = a_study()["exits"]
    assert len(exits) == 2 * 2 * 4 * 2 * 2  # recipes, seeds, levels, exits, splits
    row = exits.query(
        "recipe == 'sequential' and seed == 1 and state == 'pruned' and split == 'test' and exit == 0"
    ).iloc[0]
    assert (row["accuracy"], row["block"], row["macs"], row["macs_dense"]) == (3 / 8, 3, 4, 20)


def test_layers_are_those_of_the_last_round_alone() -> None:
    tables = a_study()
    assert tables["layers"]["level"].unique().tolist() == [2]
    assert tables["layers_mean"].query("recipe == 'joint'")["layer"].tolist() == ["stem", "exit0", "fc"]
    assert tables["layers_mean"]["sparsity"].unique().tolist() == [0.6]
    assert tables["layers_difference"]["difference"].tolist() == [0.0] * 3


def test_accuracy_over_the_rounds_stands_beside_the_sparsity_of_the_level() -> None:
    mean = a_study()["exits_mean"].query("recipe == 'joint' and exit == 0")
    assert mean["name"].tolist() == ["level-00", "level-01", "level-02", "recovered"]
    assert mean["sparsity"].tolist() == pytest.approx([0, 0.2, 0.6, 0.6])
    assert mean["accuracy"].tolist() == [7 / 8, 6 / 8, 5.5 / 8, 6.5 / 8]


def test_exit_rates_sum_to_one_at_every_threshold() -> None:
    rates = a_study()["exit_rates"]
    assert rates.groupby(["recipe", "state", "threshold"])["exit_rate"].sum().round(12).unique().tolist() == [1]
    strictest = rates.query("threshold > 0.999998 and exit == 1")
    assert strictest["exit_rate"].unique().tolist() == [1]


def test_levels_between_are_not_swept() -> None:
    tables = a_study()
    for name in ("tradeoff", "operating_points", "operating_rates", "measures", "exit_rates"):
        assert set(tables[name]["state"]) == {"unpruned", "pruned", "recovered"}, name


def test_claims_rest_on_the_measures_of_the_study() -> None:
    part = a_study()["claims"].query("state == 'pruned' and measure == 'early_exits_accuracy'").iloc[0]
    assert (part["joint"], part["sequential"], part["difference"]) == (5.5 / 8, 3.5 / 8, 2 / 8)
    assert part["part_verdict"] == "supported"  # the same for both seeds: an interval of width zero


def test_the_summary_has_numbers_alone_and_no_name_of_a_parameter() -> None:
    metrics = summary(a_study())
    assert metrics["joint"]["pruned"]["final_sparsity_all"] == pytest.approx(0.6)
    assert metrics["joint_minus_sequential"]["pruned"]["early_exits_accuracy"] == 2 / 8
    assert metrics["unpruned"]["last_exit_accuracy"] == 1
    flat = pd.json_normalize(metrics)
    assert all(math.isfinite(value) for value in flat.iloc[0])
    assert not {"sparsity", "rounds", "seeds"} & {name.rsplit(".", 1)[-1] for name in flat.columns}


def test_a_study_of_one_order_and_one_seed_has_all_tables_and_says_what_is_not_tested() -> None:
    tables = a_study(recipes=("joint",), seeds=(4,))
    assert set(tables["claims"]["verdict"]) == {"not tested"}
    assert tables["layers_difference"].empty
    assert tables["tradeoff"][["low", "high"]].isna().all(axis=None)
    assert "joint_minus_sequential" not in summary(tables)


def test_another_network_than_the_papers_has_an_empty_comparison() -> None:
    tables = a_study()
    assert tables["paper_comparison"].empty
    assert tables["paper_summary"].empty
    assert "paper" in tables["paper_comparison"].columns


def test_paper_and_ours_stand_side_by_side_for_every_layer_and_exit() -> None:
    layers = pd.DataFrame({"recipe": "joint", "position": range(1, 65), "layer": "any", "sparsity": 0.5})
    exits = pd.DataFrame({"recipe": "joint", "state": "pruned", "exit": range(7), "accuracy": 0.5})
    beside = beside_paper({"layers_mean": layers, "exits_mean": exits}, papers_network=True, papers_data=False)
    table, agreement = beside["paper_comparison"], beside["paper_summary"]
    assert table["quantity"].value_counts().to_dict() == {"layer sparsity": 64, "exit accuracy": 7}
    assert not table["comparable"].any()
    first_exit = table.query("name == 'exit 0'").iloc[0]
    assert (first_exit["paper"], first_exit["ours"]) == (0.61, 0.5)
    assert first_exit["difference"] == pytest.approx(-0.11)
    assert agreement["mean_absolute_difference"].iloc[1] == pytest.approx(
        sum(abs(0.5 - paper) for paper in (0.61, 0.666, 0.757, 0.809, 0.851, 0.859, 0.825)) / 7
    )
    assert agreement["rank_correlation"].isna().all()  # ours are constant here
