"""The few numbers that `dvc exp show` puts side by side."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from exitprune.evaluation.headline import headline


def measures(recipes: list[str], seeds: list[int]) -> pd.DataFrame:
    """Every measure of every recipe, seed and state; recovered accuracy falls by 0.1 from recipe to recipe."""
    rows = []
    for (number, recipe), seed, state in itertools.product(enumerate(recipes), seeds, ["unpruned", "recovered"]):
        accuracy = 0.9 - 0.1 * number * (state == "recovered")
        macs = {"last_exit_macs": 100.0, "best_macs": 25.0}
        values = {"last_exit_accuracy": accuracy, "best_accuracy": accuracy, "tradeoff_accuracy": accuracy, **macs}
        values["sparsity_all"] = 0.8 * (state == "recovered")
        rows += [
            {"recipe": recipe, "seed": seed, "state": state, "measure": name, "value": value + seed * 1e-3}
            for name, value in values.items()
        ]
    return pd.DataFrame(rows)


CLAIMS = pd.DataFrame(
    [
        {"claim": n, "state": s, "role": r, "verdict": f"{r} {n}"}
        for s, r in (("recovered", "exploratory"), ("final", "primary"))
        for n in (1, 2)
    ]
)
TEN = {"counts": {"test": {str(label): 10 for label in range(10)}}}


def test_two_recipes_are_told_under_names_that_no_study_changes() -> None:
    told = headline({"measures": measures(["mine", "yours"], [0, 1]), "claims": CLAIMS}, 0.95, TEN)
    assert told == {
        "accuracy_unpruned": pytest.approx(0.9005),
        "chance": 0.1,
        "near_chance": "no",
        "first": "mine",
        "accuracy_first": pytest.approx(0.9005),
        "macs_share_first": pytest.approx(0.25, abs=1e-3),
        "second": "yours",
        "accuracy_second": pytest.approx(0.8005),
        "macs_share_second": pytest.approx(0.25, abs=1e-3),
        "final_sparsity": pytest.approx(0.8005),
        "difference": pytest.approx(0.1),
        "claim_1": "primary 1",
        "claim_2": "primary 2",
    }


def test_what_one_recipe_or_one_seed_cannot_tell_is_left_out() -> None:
    one = headline({"measures": measures(["mine"], [0, 1]), "claims": CLAIMS}, 0.95, TEN)
    assert not {"second", "accuracy_second", "difference"} & set(one)
    assert "difference_half_width" not in headline({"measures": measures(["a", "b"], [0]), "claims": CLAIMS}, 0.95, TEN)


def test_a_network_that_guesses_is_told_of() -> None:
    lopsided = {"counts": {"test": {"a": 90, "b": 10}}}  # always "a" is right as often as the network
    told = headline({"measures": measures(["mine"], [0]), "claims": CLAIMS}, 0.95, lopsided)
    assert (told["chance"], told["near_chance"]) == (0.9, "yes")


def test_recipes_without_a_common_range_of_macs_are_told_without_their_difference() -> None:
    apart = measures(["mine", "yours"], [0, 1]).query("measure != 'tradeoff_accuracy'")
    told = headline({"measures": apart, "claims": CLAIMS}, 0.95, TEN)
    assert told["second"] == "yours"
    assert "difference" not in told
