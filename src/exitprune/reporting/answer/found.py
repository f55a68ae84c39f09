"""What was found: joint or in order, by the accuracy within one budget of MACs, and what joint's lead is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from exitprune.evaluation.claims import CONTRADICTED, ONE_SEED, OPEN, PRIMARY, SUPPORTED
from exitprune.evaluation.pairs import EQUAL_EPOCHS, FIRST, OWN_RATE, POSTERS, TWICE, steps_of
from exitprune.reporting.answer import LAST, RECOVERED, Box, first_up, mean_of
from exitprune.reporting.formatting import STATES, interval, joined, millions, percent, points

ASKED = "Asked: prune the whole network at once (joint), or first the base network and then its exits (in order)?"
TRADEOFF = "tradeoff_accuracy"
GENERAL, COST, EARLY = "accuracy_within_budget", "cost_at_equal_accuracy", "early_exits_accuracy"
"""Quantities of claims: the abstract's, by which the answer is given, and two that it adds."""


def compared(claims: pd.DataFrame, measure: str = GENERAL) -> pd.DataFrame:
    """The differences that a claim rests on, a row per state, against the poster's order if it ran, else another recipe."""
    there = claims[(claims["measure"] == measure) & claims["difference"].notna()]
    return there[there["against"] == there["against"].iloc[0]] if len(there) else there


def has_claims(claims: pd.DataFrame) -> bool:
    """Whether the paper claims anything of the recipes that ran."""
    return bool(claims["difference"].notna().any())


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
        f"{first_up(STATES[state])}, thresholds chosen on validation within one budget: joint {percent(row['joint'])} % right "
        f"with {millions(row['joint_macs'])} million MACs, {row['against']} {percent(row['other'])} % with "
        f"{millions(row['other_macs'])}."
        for state, row in parts.items()
    ]
    return Box(first_up(headline), [ASKED, *lines, *_costs(claims), *_why(claims)])


def _costs(claims: pd.DataFrame) -> list[str]:
    """What the same accuracy costs, beside which recipe."""
    there = compared(claims, COST)
    said = [
        f"{STATES[row['state']]} {points(row['difference'])} %"
        + (f" (interval {interval(row['low'], row['high'])})" if pd.notna(row["low"]) else "")
        for row in there.to_dict("records")
    ]
    return [f"MACs of joint against {there['against'].iloc[0]} at equal accuracy: {'; '.join(said)}."] if said else []


def _why(claims: pd.DataFrame) -> list[str]:
    """What joint's lead at the early exits is made of, where the recipes that tell it apart ran."""
    there = claims[(claims["state"] == POSTERS[1]) & claims["difference"].notna()]
    lead, cost = (
        there[there["measure"] == measure].set_index("against")["difference"].to_dict() for measure in (EARLY, COST)
    )
    lead[FIRST] = 0.0
    control = EQUAL_EPOCHS if EQUAL_EPOCHS in lead else TWICE
    steps = steps_of(control)
    if not {recipe for step in steps for recipe in step[1:]} <= set(lead):
        return []
    parts = [f"{points(lead[second] - lead[first])} are {what}" for what, first, second in steps]
    said = [
        f"Of joint’s {points(lead[POSTERS[0]])} points at the early exits after the last round {joined(parts)} (by the recipes "
        f"{joined([first for _, first, _ in steps[1:]])})."
    ]
    if control == EQUAL_EPOCHS and TWICE in lead:
        said.append(f"Where the other order has twice the rounds, {points(lead[TWICE])} are.")
    if {POSTERS[0], control} <= set(cost):
        said.append(
            f"Of {points(cost[POSTERS[0]])} % in cost at equal accuracy the order makes {points(cost[control])} %."
        )
    joint, ordered, order, twice = (name + OWN_RATE for name in (FIRST, POSTERS[0], EQUAL_EPOCHS, TWICE))
    if {joint, ordered} <= set(lead):
        of_order = f", {points(lead[order] - lead[joint])} of them the order’s" if order in lead else ""
        if of_order and twice in lead:
            of_order += f", or {points(lead[twice] - lead[joint])} where the other has twice the rounds"
        said.append(f"Each at its own best rate, {points(lead[ordered] - lead[joint])} points are left{of_order}.")
    return [" ".join(said)]


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


def _found_without_pair(tables: Mapping[str, pd.DataFrame]) -> Box:
    measures = tables["measures"]
    beside = "No claim of the paper is about these."
    if has_claims(tables["claims"]):
        beside = "Some network keeps no budget of MACs, so the claim in general was not tested; the others stand below."
    means = measures[measures["measure"] == TRADEOFF].groupby(["state", "recipe"], sort=False)["value"].mean()
    state = RECOVERED if RECOVERED in means.index.get_level_values("state") else LAST
    there = means[state].sort_values(ascending=False, kind="stable")
    if len(there) == 1:
        recipe = there.index[0]
        early = mean_of(measures, state, recipe, "early_exits_accuracy")
        last = mean_of(measures, state, recipe, "last_exit_accuracy")
        return Box(
            f"{first_up(recipe)} was the only recipe, so there is nothing to compare.",
            [
                f"{first_up(STATES[state])} its classifier gets {percent(last)} % right, its early exits {percent(early)} %."
            ],
        )
    if there.isna().all():
        each = ", ".join(
            f"{recipe} {percent(mean_of(measures, state, recipe, 'last_exit_accuracy'))} %"
            for recipe in sorted(there.index)
        )
        return Box(
            f"No range of average MACs is common to all {len(there)} recipes.",
            [
                f"{first_up(STATES[state])}, at the classifier: {each}. The trade-off curves show what each costs. {beside}"
            ],
        )
    ranking = ", ".join(f"{recipe} {percent(value)} %" for recipe, value in there.items())
    leaders = [str(recipe) for recipe, value in there.items() if percent(value) == percent(there.iloc[0])]
    return Box(
        f"{first_up(joined(leaders))} came out first of {len(there)} recipes, by means that nothing tests.",
        [f"{first_up(STATES[state])}, accuracy at the same average MACs: {ranking}. {beside}"],
    )
