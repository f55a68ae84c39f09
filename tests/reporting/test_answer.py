"""The answer: it says no more than the tables do."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest

from exitprune.config.params import Params
from exitprune.reporting.answer import best_on_validation
from exitprune.reporting.answer.deploys import deploys
from exitprune.reporting.answer.found import found
from exitprune.reporting.answer.saves import saves
from exitprune.reporting.answer.sure import sure
from tests.synthetic import PARAMS

IMAGES = {"counts": {"test": {"cat": 60, "dog": 40}}}


def claim(
    state: str,
    difference: float,
    low: float,
    high: float,
    verdict: str,
    num: int = 3,
    role: str = "primary",
    against: str = "ordered",
    measure: str = "accuracy_within_budget",
) -> dict[str, Any]:
    about = {"claim": 5, "against": against, "state": state, "verdict": verdict, "measure": measure, "role": role}
    numbers = {"joint": 0.8 + difference, "other": 0.8, "joint_macs": 1e6, "other_macs": 2e6, "difference": difference}
    return {**about, **numbers, "low": low, "high": high, "num_seeds": num}


def tables(*claims: dict[str, Any], unpruned: float = 0.9, recipes: tuple[str, ...] = ("joint", "sequential")) -> Any:
    measures = [
        {"recipe": recipe, "seed": seed, "state": state, "measure": measure, "value": value}
        for recipe in recipes
        for seed in (0, 1)
        for state, measure, value in (
            ("unpruned", "last_exit_accuracy", unpruned),
            ("recovered", "last_exit_accuracy", 0.8),
            ("recovered", "early_exits_accuracy", 0.7),
            ("recovered", "tradeoff_accuracy", 0.75 + 0.01 * len(recipe)),
        )
    ]
    points = [
        {"recipe": recipe, "seed": seed, "state": state, "choice": "cheapest", "threshold": 0.5 + 0.1 * seed}
        | {"test_accuracy": accuracy, "test_macs": macs, "validation_accuracy": on_validation, "validation_macs": macs}
        for recipe in recipes
        for state, seed, accuracy, macs, on_validation in (
            ("unpruned", 0, 0.89, 5e6, 0.9),
            ("unpruned", 1, 0.89, 5e6, 0.9),
            ("recovered", 0, 0.88, 1e6, 0.80),
            ("recovered", 1, 0.86, 1e6, 0.82 if recipe == "joint" else 0.81),
        )
    ]
    columns = list(claim("final", 0, 0, 0, "supported"))
    return {
        "claims": pd.DataFrame(list(claims), columns=columns),
        "measures": pd.DataFrame(measures),
        "operating_points": pd.DataFrame(points),
        "exits": pd.DataFrame({"macs_dense": [2e6, 1e7]}),
        "levels": pd.DataFrame(
            {"state": "recovered", "recipe": ["joint", "sequential"], "sha256": ["ours", "another"]}
        ),
    }


def params(**changed: Any) -> Params:
    return Params.model_validate({**PARAMS, **changed})


@pytest.mark.parametrize(
    ("difference", "low", "high", "verdict", "num", "headline"),
    [
        (0.02, 0.01, 0.03, "supported", 3, "Prune jointly, +2.0 points over ordered within the same budget."),
        (
            -0.02,
            -0.03,
            -0.01,
            "contradicted",
            3,
            "Prune as ordered does, +2.0 points over joint within the same budget.",
        ),
        (0.02, -0.01, 0.05, "not distinguishable", 3, "No difference between joint and ordered can be told from luck."),
        (
            -0.364,
            math.nan,
            math.nan,
            "one seed: no verdict",
            1,
            "Ordered came out 36.4 points ahead (one seed: no verdict).",
        ),
        (
            0.0,
            math.nan,
            math.nan,
            "one seed: no verdict",
            1,
            "Joint and ordered came out alike (one seed: no verdict).",
        ),
    ],
)
def test_the_headline_says_what_the_verdict_says(
    difference: float, low: float, high: float, verdict: str, num: int, headline: str
) -> None:
    rows = [claim(state, difference, low, high, verdict, num) for state in ("final", "recovered")]
    assert found(tables(*rows)).headline == headline


def test_states_that_differ_are_told_apart_and_what_is_exploratory_says_so() -> None:
    rows = (
        claim("final", 0.01, -0.01, 0.03, "not distinguishable"),
        claim("recovered", 0.02, 0.01, 0.03, "supported", role="exploratory"),
    )
    assert found(tables(*rows)).headline == (
        "After the last round: no difference between joint and ordered can be told from luck; after recovery: prune jointly, "
        "+2.0 points over ordered within the same budget, exploratory."
    )
    box = sure(tables(*rows), params(), IMAGES)
    assert box.headline == "3 seeds decide 0 of 1 primary claims."
    assert (
        "An interval is of one claim by itself; primary verdicts are corrected for the number of claims." in box.lines
    )


def test_a_study_without_the_posters_recipe_decides_nothing_primary() -> None:
    rows = [claim("final", 0.02, 0.01, 0.03, "supported", role="exploratory", against="sequential")]
    box = sure(tables(*rows), params(), IMAGES)
    assert box.headline == "3 seeds decide 1 of 1 exploratory comparisons."
    assert any("ordered, is not in this study, so all of this is exploratory" in line for line in box.lines)


def test_what_joints_lead_is_made_of_is_said_where_the_control_ran() -> None:
    rows = [claim("final", 0.0, -0.01, 0.01, "not distinguishable")]
    for against, lead in (("ordered", 0.03), ("control", 0.011), ("sequential", 0.027)):
        rows.append(claim("final", lead, 0, 0.1, "supported", against=against, measure="early_exits_accuracy"))
    assert found(tables(*rows)).lines[-1] == (
        "Of joint’s +3.0 points at the early exits after the last round +1.1 are the order of pruning, +1.6 are training the "
        "base for its exits and +0.3 are training heads before anything is pruned (by the recipes control and sequential)."
    )
    assert "control" not in " ".join(found(tables(*rows[:2])).lines)
    leads = {"control_half": 0.019, "joint_own_rate": -0.01, "ordered_own_rate": 0.005, "control_half_own_rate": -0.004}
    leads["control_own_rate"] = -0.008
    for against, lead in leads.items():
        rows.append(claim("final", lead, 0, 0.1, "supported", against=against, measure="early_exits_accuracy"))
    for against, cost in (("ordered", -0.2), ("control_half", -0.15)):
        rows.append(claim("final", cost, -1, 0, "supported", against=against, measure="cost_at_equal_accuracy"))
    assert found(tables(*rows)).lines[-1].replace("\N{MINUS SIGN}", "-") == (
        "Of joint’s +3.0 points at the early exits after the last round +1.9 are the order of pruning, +0.8 are training the "
        "base for its exits and +0.3 are training heads before anything is pruned (by the recipes control_half and "
        "sequential). Where the other order has twice the rounds, +1.1 are. Of -20.0 % in cost at equal accuracy the order "
        "makes -15.0 %. Each at its own best rate, +1.5 points are left, +0.6 of them the order’s, or "
        "+0.2 where the other has twice the rounds."
    )


def test_the_answer_says_what_the_same_accuracy_costs() -> None:
    rows = [claim("final", 0.0, -0.01, 0.01, "not distinguishable")]
    rows.append(claim("final", math.nan, math.nan, math.nan, "not tested", measure="cost_at_equal_accuracy"))
    rows.append(
        {**claim("final", -0.18, -0.25, -0.1, "supported"), "against": "control", "measure": rows[-1]["measure"]}
    )
    (line,) = [line for line in found(tables(*rows)).lines if "at equal accuracy" in line]
    assert line.replace("\N{MINUS SIGN}", "-") == (
        "MACs of joint against control at equal accuracy: after the last round -18.0 % (interval -25.0 to -10.0)."
    )
    rows[-1] |= {"low": math.nan, "high": math.nan}
    (line,) = [line for line in found(tables(*rows)).lines if "at equal accuracy" in line]
    assert line.endswith(" -18.0 %.".replace("-", "\N{MINUS SIGN}"))


def test_one_seed_is_summed_up_over_both_states() -> None:
    rows = [
        claim(state, size, math.nan, math.nan, "one seed: no verdict", 1)
        for state, size in (("final", -0.1), ("recovered", -0.02))
    ]
    assert found(tables(*rows)).headline == "Ordered came out 2.0 to 10.0 points ahead (one seed: no verdict)."


def test_recipes_that_no_claim_is_about_are_ranked() -> None:
    box = found(tables(recipes=("snip", "magnitude")))
    assert box.headline == "Magnitude came out first of 2 recipes, by means that nothing tests."
    assert "No claim" in box.lines[0]
    tied = found(tables(recipes=("erk", "snip", "sets")))
    assert tied.headline == "Snip and sets came out first of 3 recipes, by means that nothing tests."
    assert found(tables(recipes=("snip",))).headline == "Snip was the only recipe, so there is nothing to compare."
    assert "no claim" in sure(tables(recipes=("snip", "magnitude")), params(), IMAGES).headline


def test_a_budget_that_a_network_cannot_keep_leaves_the_other_claims() -> None:
    early = claim("final", 0.1, 0.05, 0.15, "supported", measure="early_exits_accuracy")
    general = claim("final", math.nan, math.nan, math.nan, "not tested")
    found_in = tables(early, general)
    box, told = found(found_in), sure(found_in, params(), IMAGES)
    assert "the others stand below" in box.lines[0]
    assert "No claim" not in box.lines[0]
    assert told.headline == "3 seeds decide 1 of 2 primary claims."


def test_recipes_without_a_common_range_of_macs_are_not_ranked() -> None:
    apart = tables(recipes=("mild", "harsh"))
    measures = apart["measures"]
    measures.loc[measures["measure"] == "tradeoff_accuracy", "value"] = math.nan
    box = found(apart)
    assert box.headline == "No range of average MACs is common to all 2 recipes."
    assert "\N{EN DASH} %" not in box.lines[0]


def test_one_seed_gives_no_verdict() -> None:
    row = claim("final", 0.1, math.nan, math.nan, "one seed: no verdict", 1)
    box = sure(tables(row), params(seeds=[0]), IMAGES)
    assert box.headline == "One seed: no verdict."
    assert "one image is 1 % of them" in box.lines[-1]


def test_the_best_on_validation_is_deployed_though_another_is_better_on_test() -> None:
    chosen = deploys(tables(), params())
    assert chosen is not None
    assert chosen.file == "runs/synthetic/seed1/joint/recovered.safetensors"
    assert chosen.commands[1].endswith("--threshold 0.6")
    assert chosen.accuracy == 0.86


def test_a_network_that_was_lucky_on_validation_does_not_speak_for_its_recipe() -> None:
    rows = [("steady", 0, 0.80), ("steady", 1, 0.82), ("lucky", 0, 0.70), ("lucky", 1, 0.83)]
    points = pd.DataFrame(rows, columns=["recipe", "seed", "validation_accuracy"])
    best = best_on_validation(points.assign(state="recovered", choice="cheapest", validation_macs=1.0))
    assert best is not None
    assert (best["recipe"], best["seed"]) == ("steady", 1)


def test_savings_stand_with_what_they_cost_and_with_chance() -> None:
    given = tables()
    box = saves(given, IMAGES, deploys(given, params()), None)
    assert box.headline == "90.0 % fewer MACs, 3.0 points of accuracy lost."
    assert (
        "1.00 of 10.0 million MACs per image, 87.0 % right; the unpruned classifier 90.0 %, chance 60.0 %"
        in box.lines[0]
    )
    assert box.lines[1] == "Leaving early alone, without pruning: 50.0 % fewer, 89.0 % right."
    assert box.lines[2].startswith("Not timed yet")


def test_a_network_near_chance_is_warned_of_first() -> None:
    given = tables(unpruned=0.62)
    assert "hardly better than chance" in saves(given, IMAGES, deploys(given, params()), None).lines[0]


def test_milliseconds_are_of_the_networks_of_this_study() -> None:
    rows = [("plain", "theirs", "nobody leaves", 2.0), ("filters", "others", "one point lost", 0.1)]
    rows += [("pruned", "ours", "nobody leaves", 1.9), ("pruned", "ours", "one point lost", 0.5)]
    measured = pd.DataFrame(rows, columns=["network", "sha256", "choice", "ms"])
    measured = measured.assign(runtime="onnxruntime", threads=1, batch=64, accuracy=0.87, machine="an abacus", seed=0)
    given = tables()
    assert saves(given, IMAGES, deploys(given, params()), measured).lines[-1] == (
        "Measured: 0.5 ms per image in onnxruntime instead of 2 in onnxruntime (pruned, 87.0 % right, against plain; "
        "batches of 64, one thread, an abacus)."
    )
    faster = measured[measured["network"] == "pruned"].assign(runtime="sparse", ms=0.25)
    not_deployed = faster.assign(sha256="another", ms=0.125)
    line = saves(given, IMAGES, deploys(given, params()), pd.concat([measured, faster, not_deployed])).lines[-1]
    assert line.startswith("Measured: 0.25 ms per image in sparse kernels instead of 2 in onnxruntime")
