"""Trade-off curves read off at budgets."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from exitprune.evaluation.tradeoff import NUM_BUDGETS, Curve, over_common_range, tabulate


def curve(recipe: str, seed: int, macs: list[float], accuracy: list[float]) -> Curve:
    return Curve(recipe, seed, "final", np.array(macs, dtype=float), np.array(accuracy))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12), st.integers(0, 32))
def test_a_budget_buys_the_dearest_point_within_it(costs: list[int], budget: int) -> None:
    macs = sorted(set(costs), reverse=True)
    accuracy = [cost / 100 for cost in macs]
    affordable = [cost for cost in macs if cost <= budget]
    got = curve("joint", 0, [float(cost) for cost in macs], accuracy).at(np.array([float(budget)]))[0]
    assert got == max(affordable) / 100 if affordable else math.isnan(got)


def test_of_points_that_cost_the_same_the_strictest_threshold_counts() -> None:
    assert curve("joint", 0, [3, 2, 2, 1], [0.4, 0.3, 0.2, 0.1]).at(np.array([2.0])).tolist() == [0.3]


def test_orders_are_compared_over_the_range_that_all_runs_reach() -> None:
    short, long = curve("joint", 0, [10, 4], [0.9, 0.5]), curve("sequential", 0, [20, 10, 2], [1.0, 0.7, 0.1])
    rows = over_common_range([short, long])
    steps = NUM_BUDGETS - 1  # from 4 to 10: below 10 the cheaper point counts, at 10 the dearer one
    assert [row["value"] for row in rows] == [
        np.mean([0.5] * steps + [0.9]),
        np.mean([0.1] * steps + [0.7]),
    ]


def test_runs_without_a_common_range_have_no_value() -> None:
    rows = over_common_range([curve("joint", 0, [10, 8], [0.9, 0.5]), curve("sequential", 0, [5, 2], [0.7, 0.1])])
    assert all(math.isnan(row["value"]) for row in rows)


def test_a_curve_is_tabulated_where_every_seed_of_its_order_can_keep_to_the_budget() -> None:
    table = tabulate([curve("joint", 0, [10, 4], [0.9, 0.5]), curve("joint", 1, [12, 6], [0.7, 0.3])], 0.95)
    assert table["average_macs"].iloc[0] >= 6
    assert table["average_macs"].iloc[-1] == 12
    assert table["accuracy"].iloc[-1] == (0.9 + 0.7) / 2
    assert table[["accuracy", "low", "high"]].notna().all(axis=None)
