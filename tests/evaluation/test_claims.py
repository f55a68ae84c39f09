"""Verdicts: what must hold for each, and what must not be enough."""

from __future__ import annotations

import pandas as pd
import pytest

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation.claims import (
    CLAIMS,
    in_words,
    is_alike,
    is_negative,
    is_positive,
    judge,
    rule_in_words,
    together,
)
from exitprune.evaluation.statistics import Difference

EVALUATE = Evaluate(confidence_level=0.95, margin=0.01, between=1.0)


def interval(low: float, high: float) -> Difference:
    return Difference((low + high) / 2, 1, low, high, 3)


def measures(joint: dict[str, list[float]], sequential: dict[str, list[float]] | None) -> pd.DataFrame:
    recipes = {"joint": joint, "sequential": sequential or {}}
    rows = [
        {"recipe": recipe, "seed": seed, "state": "final", "measure": measure, "value": value}
        for recipe, by_measure in recipes.items()
        for measure, values in by_measure.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def verdict_on(number: int, table: pd.DataFrame) -> str:
    judged = judge(table, EVALUATE)
    return str(judged.loc[judged["claim"] == number, "verdict"].iloc[0])


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.001, 0.2, "supported"),
        (-0.2, -0.001, "contradicted"),
        (-0.1, 0.1, "not distinguishable"),
        (0.0, 0.1, "not distinguishable"),
        (0.0, 0.0, "not distinguishable"),
    ],
)
def test_better_means_an_interval_wholly_on_one_side_of_zero(low: float, high: float, verdict: str) -> None:
    assert is_positive(interval(low, high), 0.01) == verdict
    assert is_negative(interval(-high, -low), 0.01) == verdict


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.01, 0.01, "supported"),
        (0.0, 0.0, "supported"),
        (0.002, 0.004, "supported"),
        (0.011, 0.2, "contradicted"),
        (-0.2, -0.011, "contradicted"),
        (0.005, 0.02, "not distinguishable"),
        (-0.1, 0.1, "not distinguishable"),
    ],
)
def test_alike_means_an_interval_within_the_margin_and_unlike_one_beyond_it(
    low: float, high: float, verdict: str
) -> None:
    assert is_alike(interval(low, high), 0.01) == verdict


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "not distinguishable"], "not distinguishable"),
        (["supported", "contradicted"], "contradicted"),
        (["not distinguishable", "contradicted"], "contradicted"),
        (["not tested", "contradicted"], "not tested"),
        (["supported", "no spread over seeds: no verdict"], "no spread over seeds: no verdict"),
        (["not distinguishable", "no spread over seeds: no verdict"], "no spread over seeds: no verdict"),
        (["contradicted", "no spread over seeds: no verdict"], "contradicted"),
        (["one seed: no verdict", "one seed: no verdict"], "one seed: no verdict"),
    ],
)
def test_a_claim_needs_all_its_parts_and_falls_with_one(parts: list[str], verdict: str) -> None:
    assert together(parts) == verdict


def test_sparser_exits_that_are_also_better_contradict_the_third_claim() -> None:
    joint = {"sparsity_exits": [0.6, 0.6, 0.61], "early_exits_accuracy": [0.4, 0.4, 0.41]}
    sequential = {"sparsity_exits": [0.8, 0.8, 0.8], "early_exits_accuracy": [0.6, 0.6, 0.6]}
    judged = judge(measures(joint, sequential), EVALUATE).query("claim == 3")
    assert judged["part_verdict"].tolist() == ["supported", "contradicted"]
    assert judged["verdict"].tolist() == ["contradicted"] * 2


def test_differences_are_paired_by_seed() -> None:
    joint, sequential = [0.50, 0.70, 0.90], [0.49, 0.689, 0.89]  # seeds differ far more than recipes
    assert verdict_on(1, measures({"tradeoff_accuracy": joint}, {"tradeoff_accuracy": sequential})) == "supported"
    assert verdict_on(1, measures({"tradeoff_accuracy": joint}, {"tradeoff_accuracy": sequential[::-1]})) != "supported"


def test_one_seed_gives_no_verdict_however_large_the_difference() -> None:
    names = [part.measure for claim in CLAIMS for part in claim.parts]
    table = measures({name: [0.9] for name in names}, {name: [0.1] for name in names})
    judged = judge(table, EVALUATE)
    assert set(judged["verdict"]) == set(judged["part_verdict"]) == set(judged["in_words"]) == {"one seed: no verdict"}


def test_seeds_that_all_give_the_same_difference_give_no_verdict() -> None:
    names = [part.measure for claim in CLAIMS for part in claim.parts]
    table = measures({name: [0.9, 0.8, 0.7] for name in names}, {name: [0.6, 0.5, 0.4] for name in names})
    judged = judge(table, EVALUATE)
    assert set(judged["verdict"]) == {"no spread over seeds: no verdict"}
    assert judged["low"].isna().all()


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("supported", "supported at 95 % confidence, 3 seeds"),
        ("contradicted", "contradicted at 95 % confidence, 3 seeds"),
        ("not distinguishable", "not distinguishable at 95 % confidence, 3 seeds"),
        ("no spread over seeds: no verdict", "no spread over seeds: no verdict, 3 seeds"),
        ("not tested", "not tested"),
        ("one seed: no verdict", "one seed: no verdict"),
    ],
)
def test_a_verdict_says_how_sure_it_is(verdict: str, words: str) -> None:
    assert in_words(verdict, 3, 0.95) == words


def test_both_fair_readings_are_judged_where_both_orders_ran() -> None:
    names = [part.measure for claim in CLAIMS for part in claim.parts]
    both = measures({name: [0.9, 0.9, 0.91] for name in names}, {name: [0.8, 0.8, 0.8] for name in names})
    half = both[both["recipe"] == "sequential"].assign(recipe="sequential_half", value=0.95)
    judged = judge(pd.concat([both, half]), EVALUATE).query("claim == 1").set_index("against")
    assert judged["verdict"].to_dict() == {"sequential": "supported", "sequential_half": "contradicted"}
    assert judged["sequential"].to_dict() == pytest.approx({"sequential": 0.8, "sequential_half": 0.95})


def test_a_study_without_one_of_the_orders_tests_no_claim() -> None:
    names = [part.measure for claim in CLAIMS for part in claim.parts]
    judged = judge(measures({name: [0.9, 0.8, 0.7] for name in names}, None), EVALUATE)
    assert set(judged["verdict"]) == {"not tested"}
    assert judged["claim"].tolist() == [1, 2, 3, 3]


def test_every_rule_is_printed_with_its_numbers() -> None:
    for claim in CLAIMS:
        words = rule_in_words(claim, EVALUATE)
        assert "95 %" in words
        assert "{" not in words
    assert "0 ± 1 percentage points" in rule_in_words(CLAIMS[1], EVALUATE)
