"""Records of one level, against loops over images that anyone can check."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from exitprune.evaluation.exiting import sweep
from exitprune.evaluation.per_level import (
    THRESHOLDS,
    Level,
    calibration_rows,
    emptied_row,
    exit_rows,
    layer_rows,
    level_row,
    measure_rows,
    operating_rows,
    rates_on_grid,
)
from tests.at_one_threshold import evaluate_at

MACS = [100, 300, 900]
COSTS = torch.tensor(MACS)[:, None]
SEEDS = st.integers(0, 10_000)


def images(seed: int, num: int = 40) -> tuple[Tensor, Tensor]:
    """Logits of three exits that get better, and labels."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (num,), generator=draw)
    strength = torch.tensor([0.5, 1.5, 3.0])[:, None, None]
    logits = torch.randn(3, num, 4, generator=draw) + strength * torch.nn.functional.one_hot(labels, 4)
    return logits, labels


def a_level(seed: int = 0) -> tuple[Level, dict[str, Tensor]]:
    validation, test = images(seed), images(seed + 1)
    header = {
        "prune": "all",
        "sparsity": {"all": 0.5, "base": 0.4, "exits": 0.9},
        "layers": [
            {"name": "stem", "exit": 0, "positions": 4, "weights": 8, "kept": 2},
            {"name": "exit0", "exit": 0, "positions": 1, "weights": 4, "kept": 4},
        ],
        "exits": [
            {"exit": exit_, "macs": macs, "macs_dense": 2 * macs, "params": 1, "params_dense": 2}
            for exit_, macs in enumerate(MACS)
        ],
        "weights_sha256": "k",
        "emptied": [
            {"name": name, "filters": 4, "empty_filters": empty, "channels": 3, "empty_channels": 1}
            for name, empty in (("b1.c1", 1), ("b1.c2", 4), ("b2.c1", 0), ("b2.c2", 2))
        ],
        "macs_after_removal": 600,
    }
    logits = {"validation": validation[0], "test": test[0]}
    level = Level("joint", 7, "level-02", 2, "pruned", header, logits)
    return level, {"validation": validation[1], "test": test[1]}


def by_loop(logits: Tensor, labels: Tensor, threshold: float) -> tuple[list[int], int, int]:
    """Images leaving at each exit, right answers and MACs in all, one image after the other."""
    leaving, right, macs = [0, 0, 0], 0, 0
    for image in range(logits.shape[1]):
        probabilities = logits[:, image].softmax(dim=-1)
        exit_ = next((e for e in range(2) if float(probabilities[e].max()) > threshold), 2)
        leaving[exit_] += 1
        right += int(logits[exit_, image].argmax() == labels[image])
        macs += MACS[exit_]
    return leaving, right, macs


@given(SEEDS, st.sampled_from([0.0, 0.01, 0.05, 0.25, 0.5]))
def test_thresholds_chosen_on_validation_are_the_cheapest_within_the_margin_and_the_best(
    seed: int, margin: float
) -> None:
    level, labels = a_level(seed)
    logits, right = level.logits["validation"], labels["validation"]
    swept = sweep(logits, right, COSTS)
    cheapest, best, *_ = operating_rows(level, labels, swept, margin)
    last = evaluate_at(logits, right, COSTS, 1.0)[0]
    assert cheapest["validation_accuracy"] >= last - margin - 1e-9
    for threshold in swept.threshold.tolist():
        accuracy, macs = evaluate_at(logits, right, COSTS, threshold)
        assert macs >= cheapest["validation_macs"] - 1e-9 or accuracy < last - margin - 1e-9
        assert accuracy <= best["validation_accuracy"] + 1e-9


@given(SEEDS)
def test_the_third_threshold_is_the_best_at_half_the_macs(seed: int) -> None:
    level, labels = a_level(seed)
    logits, right = level.logits["validation"], labels["validation"]
    swept = sweep(logits, right, COSTS)
    half = next(row for row in operating_rows(level, labels, swept, 0.01) if row["choice"] == "half")
    assert half["validation_macs"] <= MACS[-1] / 2
    allowed = swept.average_macs <= MACS[-1] / 2
    assert half["validation_accuracy"] == pytest.approx(swept.accuracy[allowed].max())


@given(SEEDS)
def test_exit_rates_on_the_grid_are_those_of_a_loop_over_images(seed: int) -> None:
    logits, labels = images(seed)
    rates = rates_on_grid(sweep(logits, labels, COSTS))
    for place in (0, 3, 10, 21, 60, 120):
        leaving, _, _ = by_loop(logits, labels, float(THRESHOLDS[place]))
        assert rates[place].tolist() == [number / 40 for number in leaving]


def test_test_images_report_the_threshold_that_validation_images_chose() -> None:
    level, labels = a_level()
    swept = sweep(level.logits["validation"], labels["validation"], COSTS)
    for row in operating_rows(level, labels, swept, 0.05):
        leaving, right, macs = by_loop(level.logits["test"], labels["test"], row["threshold"])
        assert row["exit_rate"] == [number / 40 for number in leaving]
        assert row["test_accuracy"] == pytest.approx(right / 40, abs=1e-12)
        assert row["test_macs"] == pytest.approx(macs / 40, abs=1e-9)


def test_other_test_images_do_not_move_the_threshold() -> None:
    level, labels = a_level()
    swept = sweep(level.logits["validation"], labels["validation"], COSTS)
    worse = {**level.logits, "test": -level.logits["test"]}
    other = Level(level.recipe, level.seed, level.name, level.level, level.state, level.header, worse)
    before, after = (operating_rows(one, labels, swept, 0.05) for one in (level, other))
    assert [row["threshold"] for row in before] == [row["threshold"] for row in after]
    assert [row["test_accuracy"] for row in before] != [row["test_accuracy"] for row in after]


def test_costs_by_image_are_averaged_over_the_images_of_each_split() -> None:
    level, labels = a_level()
    scale = torch.arange(1, 41)
    dear = replace(level, macs_by_image={"validation": COSTS * scale, "test": COSTS * scale.flip(0) * 2})
    swept = sweep(dear.logits["validation"], labels["validation"], dear.macs("validation"))
    for row in operating_rows(dear, labels, swept, 0.05):
        for split, logits in dear.logits.items():
            taken = evaluate_at(logits, labels[split], dear.macs(split), row["threshold"])[1]
            assert row[f"{split}_macs"] == pytest.approx(taken)


def test_every_exit_has_its_accuracy_and_cost_on_both_splits() -> None:
    level, labels = a_level()
    rows = exit_rows(level, labels)
    assert [(row["split"], row["exit"], row["macs"]) for row in rows] == [
        (split, exit_, MACS[exit_]) for split in ("validation", "test") for exit_ in range(3)
    ]
    for row in rows:
        right = (level.logits[row["split"]][row["exit"]].argmax(dim=-1) == labels[row["split"]]).sum()
        assert row["accuracy"] == pytest.approx(int(right) / 40, abs=1e-12)


def test_layers_keep_their_order_and_say_which_group_they_are_of() -> None:
    rows = layer_rows(a_level()[0])
    found = [(row["position"], row["layer"], row["group"], row["sparsity"]) for row in rows]
    assert found == [(1, "stem", "base", 0.75), (2, "exit0", "exits", 0.0)]


def test_a_level_row_has_the_sparsity_of_every_group() -> None:
    row = level_row(a_level()[0])
    assert (row["sparsity_all"], row["sparsity_base"], row["sparsity_exits"], row["prune"]) == (0.5, 0.4, 0.9, "all")


def test_measures_are_of_test_images_and_leave_the_classifier_out_of_the_early_exits() -> None:
    level, labels = a_level()
    exits = exit_rows(level, labels)
    operating = operating_rows(level, labels, sweep(level.logits["validation"], labels["validation"], COSTS), 0.05)
    values = {row["measure"]: row["value"] for row in measure_rows(level, exits, operating)}
    accuracy = [row["accuracy"] for row in exits if row["split"] == "test"]
    assert values["last_exit_accuracy"] == accuracy[2]
    assert values["early_exits_accuracy"] == np.mean(accuracy[:2])
    assert values["best_accuracy"] == operating[1]["test_accuracy"]
    assert values["last_exit_macs"] == 900


def test_a_network_without_early_exits_has_no_accuracy_of_early_exits() -> None:
    level, labels = a_level()
    only = {split: logits[-1:] for split, logits in level.logits.items()}
    header = {**level.header, "exits": [{**level.header["exits"][2], "exit": 0}]}
    lone = Level("joint", 7, "level-02", 2, "pruned", header, only)
    swept = sweep(only["validation"], labels["validation"], lone.macs("validation"))
    rows = measure_rows(lone, exit_rows(lone, labels), operating_rows(lone, labels, swept, 0.05))
    values = {row["measure"]: row["value"] for row in rows}
    assert np.isnan(values["early_exits_accuracy"])
    assert values["best_accuracy"] == values["last_exit_accuracy"]


def test_a_branch_is_empty_if_one_of_its_convolutions_is() -> None:
    row = emptied_row(a_level()[0])
    assert (row["filters"], row["empty_filters"], row["channels"], row["empty_channels"]) == (16, 7, 12, 4)
    assert (row["branches"], row["empty_branches"]) == (2, 1)
    assert (row["macs_dense"], row["macs_after_removal"]) == (1800, 600)


def test_calibration_has_a_row_per_exit_as_it_is_and_with_a_temperature() -> None:
    level, labels = a_level()
    rows = calibration_rows(level, labels)
    assert [(row["scaling"], row["exit"]) for row in rows] == [
        (scaling, exit_) for scaling in ("none", "temperature") for exit_ in range(3)
    ]
    assert {(row["recipe"], row["seed"], row["name"], row["state"]) for row in rows} == {
        ("joint", 7, "level-02", "pruned")
    }
