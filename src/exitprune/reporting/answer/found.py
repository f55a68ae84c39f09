"""The answer that the page begins with: what was found, how sure that is, what it saves, what to deploy.

Everything is worked out from tables; sentences that depend on the numbers are put together here, the rest is the template's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from exitprune.config.params import Params
from exitprune.deployment.measured_times import NOBODY, WITHIN
from exitprune.evaluation.claims import CONTRADICTED, DECIDED, ONE_SEED, OPEN, PRIMARY, SUPPORTED
from exitprune.evaluation.guessing import chance, is_near_chance
from exitprune.evaluation.pairs import FIRST, POSTERS, STEPS
from exitprune.reporting.formatting import STATES, exact_threshold, interval, joined, millions, percent, points, share

LAST, RECOVERED = "final", "recovered"
ASKED = "Asked: prune the whole network at once (joint), or first the base network and then its exits (in order)?"
TRADEOFF = "tradeoff_accuracy"
GENERAL, COST, EARLY = "accuracy_within_budget", "cost_at_equal_accuracy", "early_exits_accuracy"
"""Quantities of claims: the abstract's, by which the answer is given, and two that it adds."""
RUNTIMES = ("onnxruntime", "compiled", "eager")
"""Of the times shown first, the first there is: what one would deploy with."""
BATCH = 64


@dataclass(frozen=True)
class Box:
    """One of the four: a sentence to remember, and what there is to add."""

    headline: str
    lines: list[str]


@dataclass(frozen=True)
class Deploy:
    """The network that validation images speak for, and what it gives on test images.

    Attributes:
        file: the checkpoint.
        recipe, seed: which.
        threshold: as the command takes it.
        accuracy, macs, unpruned: of the test images; `unpruned` is the accuracy of the same seed's unpruned classifier.
    """

    file: str
    recipe: str
    seed: int
    threshold: str
    accuracy: float
    macs: float
    unpruned: float

    @property
    def commands(self) -> list[str]:
        """What to type."""
        return [
            f"exitprune export {self.file} --out model",
            f"exitprune predict model/model.onnx image.png --threshold {self.threshold}",
        ]


def compared(claims: pd.DataFrame, measure: str = GENERAL) -> pd.DataFrame:
    """The differences that a claim rests on, a row per state, against the poster's order if it ran, else another recipe."""
    there = claims[(claims["measure"] == measure) & claims["difference"].notna()]
    return there[there["against"] == there["against"].iloc[0]] if len(there) else there


def found(tables: Mapping[str, pd.DataFrame]) -> Box:
    """Joint or in order, by the accuracy within one budget of MACs; other recipes by accuracy at the same average MACs."""
    claims = tables["claims"]
    parts = {str(row["state"]): row for row in compared(claims).to_dict("records")}
    if not parts:
        return _found_without_pair(tables)
    said = {state: _winner(row) for state, row in parts.items()}
    sizes = [percent(size) for size in sorted(abs(row["difference"]) for row in parts.values())]
    leads = {row["difference"] > 0 for row in parts.values()}
    if {row["verdict"] for row in parts.values()} == {ONE_SEED} and len(leads) == 1 and len(set(sizes)) > 1:
        leader = FIRST if leads == {True} else next(iter(parts.values()))["against"]
        headline = f"{leader} came out {sizes[0]} to {sizes[-1]} points ahead ({ONE_SEED})."
    elif len(set(said.values())) == 1:
        headline = f"{next(iter(said.values()))}."
    else:
        headline = "; ".join(f"{STATES[state]}: {words}" for state, words in said.items()) + "."
    lines = [
        f"{_first_up(STATES[state])}, thresholds chosen on validation within one budget: joint {percent(row['joint'])} % right "
        f"with {millions(row['joint_macs'])} million MACs, {row['against']} {percent(row['other'])} % with "
        f"{millions(row['other_macs'])}."
        for state, row in parts.items()
    ]
    return Box(_first_up(headline), [ASKED, *lines, *_costs(claims), *_why(claims)])


def _costs(claims: pd.DataFrame) -> list[str]:
    """What the same accuracy costs."""
    said = [
        f"{STATES[row['state']]} {points(row['difference'])} % (interval {interval(row['low'], row['high'])})"
        for row in compared(claims, COST).to_dict("records")
    ]
    return [f"MACs of joint at equal accuracy: {'; '.join(said)}."] if said else []


def _why(claims: pd.DataFrame) -> list[str]:
    """What joint's lead at the early exits is made of, where the recipes that tell it apart ran."""
    there = claims[(claims["measure"] == EARLY) & (claims["state"] == POSTERS[1]) & claims["difference"].notna()]
    lead = there.set_index("against")["difference"].to_dict()
    lead[FIRST] = 0.0
    if not {recipe for step in STEPS for recipe in step[1:]} <= set(lead):
        return []
    parts = [f"{points(lead[second] - lead[first])} are {what}" for what, first, second in STEPS]
    return [
        f"Of joint’s {points(lead[POSTERS[0]])} points at the early exits after the last round {joined(parts)} (by the recipes "
        f"{joined([first for _, first, _ in STEPS[1:]])})."
    ]


def _winner(row: Mapping[Any, Any]) -> str:
    difference, other, verdict = row["difference"], row["against"], row["verdict"]
    role = "" if row["role"] == PRIMARY else ", exploratory"
    if verdict == SUPPORTED:
        return f"prune jointly, {points(difference)} points over {other} within the same budget{role}"
    if verdict == CONTRADICTED:
        return f"prune as {other} does, {points(-difference)} points over joint within the same budget{role}"
    if verdict == OPEN:
        return f"no difference between joint and {other} can be told from luck{role}"
    size = percent(abs(difference))
    if size == percent(0):
        return f"joint and {other} came out alike ({verdict})"
    return f"{FIRST if difference > 0 else other} came out {size} points ahead ({verdict})"


def _first_up(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _found_without_pair(tables: Mapping[str, pd.DataFrame]) -> Box:
    measures = tables["measures"]
    means = measures[measures["measure"] == TRADEOFF].groupby(["state", "recipe"], sort=False)["value"].mean()
    state = RECOVERED if RECOVERED in means.index.get_level_values("state") else LAST
    there = means[state].sort_values(ascending=False)
    if len(there) == 1:
        recipe = there.index[0]
        early = _mean(measures, state, recipe, "early_exits_accuracy")
        last = _mean(measures, state, recipe, "last_exit_accuracy")
        return Box(
            f"{_first_up(recipe)} was the only recipe, so there is nothing to compare.",
            [
                f"{_first_up(STATES[state])} its classifier gets {percent(last)} % right, its early exits {percent(early)} %."
            ],
        )
    if there.isna().all():
        each = ", ".join(
            f"{recipe} {percent(_mean(measures, state, recipe, 'last_exit_accuracy'))} %"
            for recipe in sorted(there.index)
        )
        return Box(
            f"No range of average MACs is common to all {len(there)} recipes.",
            [
                f"{_first_up(STATES[state])}, at the classifier: {each}. The trade-off curves show what each costs."
                " No claim of the paper is about these."
            ],
        )
    ranking = ", ".join(f"{recipe} {percent(value)} %" for recipe, value in there.items())
    return Box(
        f"{_first_up(there.index[0])} came out first of {len(there)} recipes.",
        [
            f"{_first_up(STATES[state])}, accuracy at the same average MACs: {ranking}. No claim of the paper is about these."
        ],
    )


def sure(tables: Mapping[str, pd.DataFrame], params: Params, manifest: Mapping[str, Any]) -> Box:
    """Seeds, intervals and how coarse the test images are."""
    num = len(params.seeds)
    images = sum(manifest["counts"]["test"].values())
    one_image = f"{images:,} test images, so one image is {100 / images:.2g} % of them."
    if num == 1:
        return Box(
            "One seed: no verdict.",
            ["With one seed nobody can tell a difference from luck; a second one gives an interval.", one_image],
        )
    claims = tables["claims"]
    differences = compared(claims)
    level = f"{share(params.evaluate.confidence_level)} %"
    lines = [
        f"{_first_up(STATES[str(row['state'])])}, joint minus {row['against']}: {points(row['difference'])} points, "
        f"{level} interval over seeds and test images {interval(row['low'], row['high'])}."
        for row in differences.to_dict("records")
    ]
    if differences.empty:
        return Box(f"{num} seeds; no claim of the paper is about these recipes.", [one_image])
    primary = claims[claims["role"] == PRIMARY]
    if primary.empty:
        lines.append(
            f"The poster’s own comparison, with {POSTERS[0]}, is not in this study, so all of this is exploratory."
        )
    decided = (primary if len(primary) else differences)["verdict"].isin(DECIDED)
    of = "claims" if len(primary) else "comparisons"
    headline = f"{num} seeds decide {int(decided.sum())} of {len(decided)} {'primary' if len(primary) else 'exploratory'} {of}."
    return Box(headline, [*lines, _verdicts(claims), one_image])


def _verdicts(claims: pd.DataFrame) -> str:
    """All claims of the paper in a sentence."""
    first = claims[claims["against"] == claims["against"].iloc[0]]
    said = []
    for state, rows in first.groupby("state", sort=False):
        each = [
            f"{joined([str(number) for number in there['claim']])} {verdict}"
            for verdict, there in rows.groupby("verdict", sort=False)
        ]
        said.append(f"{STATES[str(state)]}, {', '.join(each)}")
    return f"Claims of the paper: {'; '.join(said)}."


def saves(
    tables: Mapping[str, pd.DataFrame],
    manifest: Mapping[str, Any],
    deploy: Deploy | None,
    measured: pd.DataFrame | None,
) -> Box:
    """Work and, where it was timed, milliseconds, with the accuracy that they cost."""
    dense = tables["exits"]["macs_dense"].max()
    unpruned = _mean(tables["measures"], "unpruned", tables["measures"]["recipe"].iloc[0], "last_exit_accuracy")
    lines = []
    if deploy is None:
        headline = "No threshold kept within the accuracy that may be lost."
    else:
        mean = _mean_of(tables["operating_points"], RECOVERED, deploy.recipe)
        headline = f"{percent(1 - mean['test_macs'] / dense)} % fewer MACs, {_lost(mean['test_accuracy'] - unpruned)}."
        lines.append(
            f"{_first_up(deploy.recipe)} after recovery, leaving early: {millions(mean['test_macs'])} of {millions(dense)} "
            f"million MACs per image, {percent(mean['test_accuracy'])} % right; the unpruned classifier "
            f"{percent(unpruned)} %, chance {percent(chance(manifest))} %."
        )
        alone = _mean_of(tables["operating_points"], "unpruned", deploy.recipe)
        fewer, right = percent(1 - alone["test_macs"] / dense), percent(alone["test_accuracy"])
        lines.append(f"Leaving early alone, without pruning: {fewer} % fewer, {right} % right.")
    lines.append(_time(measured, tables["levels"]) or "Not timed yet; zeros alone save time in sparse kernels only.")
    if is_near_chance(unpruned, manifest):
        lines.insert(
            0, "The unpruned network is hardly better than chance: train it longer before reading anything into this."
        )
    return Box(headline, lines)


def _lost(change: float) -> str:
    if points(change) == "0.0":
        return "no accuracy lost"
    return f"{percent(abs(change))} points of accuracy {'lost' if change < 0 else 'gained'}"


def _time(measured: pd.DataFrame | None, levels: pd.DataFrame) -> str | None:
    """The network that was there first against the recovered one leaving early, in the runtime one would deploy with."""
    if measured is None:
        return None
    runtime = next(name for name in RUNTIMES if name in set(measured["runtime"]))
    there = measured[(measured["runtime"] == runtime) & (measured["threads"] == 1)]
    batch = BATCH if BATCH in set(there["batch"]) else there["batch"].max()
    there = there[there["batch"] == batch]
    is_ours = there["sha256"].isin(levels[levels["state"] == RECOVERED]["sha256"])
    slow = there[~is_ours & (there["choice"] == NOBODY)]
    fast = there[is_ours & (there["choice"] == WITHIN)]
    if slow.empty or fast.empty:
        return None
    before = slow[slow["network"] == slow["network"].iloc[0]]
    after = fast[fast["network"] == fast["network"].iloc[0]]
    return (
        f"Measured: {after['milliseconds'].mean():.3g} ms per image instead of {before['milliseconds'].mean():.3g} "
        f"({after['network'].iloc[0]}, {percent(after['accuracy'].mean())} % right, against {before['network'].iloc[0]}; "
        f"{runtime}, batches of {batch}, one thread, {after['machine'].iloc[0]})."
    )


def deploys(tables: Mapping[str, pd.DataFrame], params: Params) -> Deploy | None:
    """Of all recovered networks the one that is best on validation images at its cheapest threshold; None: there is none.

    Test images have no say in the choice.
    """
    points_ = tables["operating_points"]
    there = points_[(points_["state"] == RECOVERED) & (points_["choice"] == "cheapest")]
    if there.empty:
        return None
    best = there.sort_values(["validation_accuracy", "validation_macs"], ascending=[False, True], kind="stable").iloc[0]
    measures = tables["measures"].query("state == 'unpruned' and measure == 'last_exit_accuracy'")
    unpruned = measures[(measures["seed"] == best["seed"]) & (measures["recipe"] == best["recipe"])]["value"].iloc[0]
    return Deploy(
        f"runs/{params.study}/seed{best['seed']}/{best['recipe']}/recovered.safetensors",
        best["recipe"],
        int(best["seed"]),
        exact_threshold(best["threshold"]),
        best["test_accuracy"],
        best["test_macs"],
        unpruned,
    )


def _mean(measures: pd.DataFrame, state: str, recipe: str, measure: str) -> float:
    there = measures[(measures["state"] == state) & (measures["recipe"] == recipe) & (measures["measure"] == measure)]
    return float(there["value"].mean())


def _mean_of(points_: pd.DataFrame, state: str, recipe: str) -> pd.Series:
    there = points_[(points_["state"] == state) & (points_["recipe"] == recipe) & (points_["choice"] == "cheapest")]
    return there[["test_accuracy", "test_macs"]].mean()
