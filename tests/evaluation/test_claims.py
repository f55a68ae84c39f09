"""Verdicts: what must hold for each, and what must not be enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation.claims import CLAIMS, evidence, holm, in_words, judge, rule_in_words
from exitprune.evaluation.comparisons import Network
from exitprune.evaluation.crossed import Crossed
from exitprune.evaluation.records import Outcomes

EVALUATE = Evaluate(confidence_level=0.95, margin=0.01, between=1.0)
NUM = 1000


def made(seed: int, skill: float, same: bool = False) -> Network:
    """A network with three exits, of the skill and of a seed; `same`: every seed answers alike."""
    parts = []
    for split in (0, 1):
        draw = np.random.default_rng([split, 0 if same else seed])
        sure = 1 / (1 + np.exp(-draw.normal(np.array([[0.5], [1.0], [1.5]]) + skill, 0.5, (3, NUM))))
        parts.append(Outcomes(sure.astype(np.float32), draw.random((3, NUM)) < sure, np.array([[1.0], [2.0], [4.0]])))
    return Network(*parts)


def judged(skills: Mapping[str, float], num_seeds: int = 5, same: bool = False, scatter: float = 0.02) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    runs = {
        (recipe, seed, state): made(seed, skill + scatter * draw.normal(), same)
        for state in ("final", "recovered")
        for seed in range(num_seeds)
        for recipe, skill in skills.items()
    }
    return judge(runs, EVALUATE)


def test_a_better_network_is_found_better_everywhere_and_unlike() -> None:
    table = judged({"joint": 0.6, "ordered": 0.0}).query("state == 'final'").set_index("claim")["verdict"]
    assert table.to_dict() == {
        1: "supported",
        2: "contradicted",
        3: "supported",
        4: "contradicted",
        5: "supported",
    }


def test_the_posters_comparison_is_primary_and_corrected_and_every_other_is_neither() -> None:
    table = judged({"sequential": 0.05, "joint": 0.05, "ordered": 0.0})
    assert table.groupby(["against", "state"])["role"].unique().map(list).to_dict() == {
        ("ordered", "final"): ["primary"],
        ("ordered", "recovered"): ["exploratory"],
        ("sequential", "final"): ["exploratory"],
        ("sequential", "recovered"): ["exploratory"],
    }
    assert table["against"].iloc[0] == "ordered"
    primary, others = table[table["role"] == "primary"], table[table["role"] != "primary"]
    assert primary["p_corrected"].tolist() == holm(primary["p"].to_numpy()).tolist()
    assert (others["p"] == others["p_corrected"]).all()
    assert primary["in_words"].str.contains("corrected for 5 claims").all()
    assert others["in_words"].str.contains("exploratory").all()


def answering(num_right: int) -> Network:
    """A network of which every exit has the same so many images right; more of them hold the fewer."""
    right = np.broadcast_to(np.random.default_rng(0).permutation(NUM) < num_right, (3, NUM))
    sure = np.random.default_rng(1).random((3, NUM)).astype(np.float32)
    one = Outcomes(sure, right, np.array([[1.0], [2.0], [4.0]]))
    return Network(one, one)


def gaining(gains: list[int], evaluate: Evaluate = EVALUATE) -> dict[str, Mapping[Any, Any]]:
    """What is said of claim 1 where joint has so many images more right, seed by seed, and seeds themselves lie far apart."""
    runs = {
        (recipe, seed, "final"): answering(400 + 100 * seed + (gain if recipe == "joint" else 0))
        for seed, gain in enumerate(gains)
        for recipe in ("joint", "ordered", "sequential")
    }
    return {str(row["against"]): row for row in judge(runs, evaluate).query("claim == 1").to_dict("records")}


def test_every_seed_is_compared_with_itself() -> None:
    row = gaining([19, 20, 21])["ordered"]
    assert row["difference"] == pytest.approx(0.02)
    assert row["low"] > 0  # another seed's network is a hundred images off


def test_a_primary_verdict_goes_by_the_corrected_p_value_and_an_exploratory_one_by_its_own() -> None:
    primary, exploratory = (gaining([40, 60, 90])[against] for against in ("ordered", "sequential"))
    assert primary["p"] == exploratory["p"]
    assert 0.01 < primary["p"] < 0.05 < primary["p_corrected"]
    assert (primary["verdict"], exploratory["verdict"]) == ("not distinguishable", "supported")


@pytest.mark.parametrize("confidence_level", [0.5, 0.8, 0.99])
def test_intervals_and_verdicts_are_of_the_confidence_that_is_asked_for(confidence_level: float) -> None:
    row = gaining([40, 60, 90], EVALUATE.model_copy(update={"confidence_level": confidence_level}))["sequential"]
    half = stats.t.ppf((1 + confidence_level) / 2, row["freedom"]) * row["difference"]
    half /= -stats.t.ppf(row["p"] / 2, row["freedom"])  # the error, by the p-value
    assert [row["low"], row["high"]] == pytest.approx([row["difference"] - half, row["difference"] + half])
    assert (row["verdict"] == "supported") == (row["p"] < 1 - confidence_level)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_p_values_are_corrected_as_statsmodels_does(p_values: list[float]) -> None:
    with patch("gc.collect"):  # multipletests calls it each time, half a second with torch in memory
        theirs = multipletests(p_values, method="holm")[1]
    assert holm(np.array([p_values, p_values]))[1] == pytest.approx(theirs)


def test_what_was_not_tested_does_not_count_in_the_correction() -> None:
    assert holm(np.array([0.01, np.nan, 0.04, 0.03])) == pytest.approx([0.03, np.nan, 0.06, 0.06], nan_ok=True)


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [
        (0.0, (True, True)),
        (0.004, (True, True)),
        (0.0095, (False, True)),
        (0.02, (True, False)),
        (-0.02, (True, False)),
    ],
)
def test_alike_is_within_the_margin_on_both_sides_and_unlike_beyond_it(mean: float, verdict: tuple[bool, bool]) -> None:
    p_value, supports = evidence("alike", Crossed(mean, 0.001, 20, 0, 0, 0, 5), 0.01)
    assert (p_value < 0.05, supports) == verdict


def test_no_difference_that_was_looked_for_is_not_likeness() -> None:
    wide = Crossed(0.0, 0.02, 20, 0, 0, 0, 5)
    assert evidence("more", wide, 0.01)[0] > 0.05
    assert evidence("alike", wide, 0.01)[0] > 0.05


def test_one_seed_gives_no_verdict_however_large_the_difference() -> None:
    table = judged({"joint": 0.6, "ordered": 0.0}, num_seeds=1)
    assert set(table["verdict"]) == set(table["in_words"]) == {"one seed: no verdict"}
    assert table["difference"].notna().all()


def test_seeds_that_all_give_the_same_difference_give_no_verdict() -> None:
    table = judged({"joint": 0.5, "ordered": 0.0}, num_seeds=3, same=True, scatter=0)
    assert set(table["verdict"]) == {"no spread over seeds: no verdict"}
    assert table["low"].isna().all()


def test_a_study_without_joint_or_without_another_tests_no_claim() -> None:
    for skills in ({"joint": 0.1}, {"ordered": 0.1}, {"ordered": 0.1, "control": 0.1}):
        assert set(judged(skills)["verdict"]) == {"not tested"}


def test_a_cost_that_one_seed_cannot_compare_is_not_told_of_the_others() -> None:
    def runs(far: float) -> dict[tuple[str, int, str], Network]:
        skills = {("joint", seed): far if seed == 2 else 0.3 for seed in range(3)}
        skills |= {("ordered", seed): 0.2 for seed in range(3)}
        return {(recipe, seed, "final"): made(seed, skill) for (recipe, seed), skill in skills.items()}

    near, apart = (judge(runs(far), EVALUATE).query("claim == 3").iloc[0] for far in (0.4, 9.0))
    assert np.isfinite(near["difference"])
    assert np.isnan(apart["difference"])  # nothing that the two of seed 2 reach is as accurate
    assert (apart["verdict"], apart["num_seeds"]) == ("not tested", 3)


def test_a_cost_is_told_as_a_share_of_the_others() -> None:
    row = judged({"joint": 0.6, "ordered": 0.0}).query("claim == 3").iloc[0]
    assert row["unit"] == "percent"
    assert -1 < row["low"] < row["difference"] < row["high"] < 0
    assert row["difference"] == pytest.approx(row["joint"] / row["other"] - 1, abs=0.02)


@pytest.mark.parametrize(
    ("verdict", "num_claims", "words"),
    [
        ("supported", 5, "supported at 95 % confidence, 3 seeds, corrected for 5 claims"),
        ("not distinguishable", 0, "not distinguishable at 95 % confidence, 3 seeds, exploratory"),
        ("no spread over seeds: no verdict", 0, "no spread over seeds: no verdict, 3 seeds, exploratory"),
        ("not tested", 5, "not tested"),
        ("one seed: no verdict", 5, "one seed: no verdict"),
    ],
)
def test_a_verdict_says_how_sure_it_is_and_what_it_is(verdict: str, num_claims: int, words: str) -> None:
    assert in_words(verdict, 3, 0.95, num_claims) == words


def test_every_claim_has_one_quantity_and_a_rule_with_its_numbers() -> None:
    assert [claim.number for claim in CLAIMS] == [1, 2, 3, 4, 5]
    assert len({claim.name for claim in CLAIMS}) == 5
    for claim in CLAIMS:
        assert "{" not in rule_in_words(claim, EVALUATE)
    assert "alike within 1 percentage points" in rule_in_words(CLAIMS[3], EVALUATE)
