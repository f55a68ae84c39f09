"""Statistics over seeds, held against scipy and against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from exitprune.evaluation.statistics import (
    band,
    mean_and_std,
    over_seeds,
    paired_difference,
    rank_correlation,
)

ROWS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8)


@given(ROWS)
def test_the_interval_of_a_difference_is_that_of_scipys_paired_t_test(pairs: list[tuple[float, float]]) -> None:
    first, second = np.array(pairs).T
    ours = paired_difference(first, second, 0.9)
    if ours.std > 1e-9:
        theirs = stats.ttest_rel(first, second).confidence_interval(0.9)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


def test_a_difference_without_spread_has_no_interval_since_agreement_is_not_certainty() -> None:
    difference = paired_difference(np.array([0.3, 0.75, 1.0]), np.array([0.2, 0.65, 0.9]), 0.95)  # but for rounding
    assert difference.mean == pytest.approx(0.1)
    assert (difference.std, difference.num) == (0, 3)
    assert np.isnan([difference.low, difference.high, difference.half_width]).all()


def test_rounding_of_numbers_that_agree_is_no_spread() -> None:
    difference = paired_difference(np.array([0.1 + 0.2, 0.3, 0.7]), np.array([0.3, 0.3, 0.7]), 0.95)
    assert difference.mean == pytest.approx(0, abs=1e-15)
    assert np.isnan([difference.low, difference.high]).all()


def test_one_seed_has_a_difference_but_no_interval() -> None:
    difference = paired_difference(np.array([0.5]), np.array([0.25]), 0.95)
    assert (difference.mean, difference.num) == (0.25, 1)
    assert np.isnan([difference.low, difference.high, difference.std, difference.half_width]).all()


def test_rows_that_are_not_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not \(2,\) and \(3,\)"):
        paired_difference(np.zeros(2), np.zeros(3), 0.95)


def test_one_seed_has_a_mean_but_neither_spread_nor_band() -> None:
    curves = np.array([[0.1, 0.2, 0.3]])
    mean, std = mean_and_std(curves)
    drawn = band(curves, 0.95)
    assert mean.tolist() == [0.1, 0.2, 0.3]
    assert np.isnan([std, drawn.low, drawn.high]).all()
    assert drawn.what == "one seed"


def test_two_seeds_are_drawn_as_the_range_that_they_are() -> None:
    drawn = band(np.array([[0.1, 0.4], [0.2, 0.3]]), 0.95)
    assert (drawn.low.tolist(), drawn.high.tolist(), drawn.what) == ([0.1, 0.3], [0.2, 0.4], "range of 2 seeds")


@given(st.integers(3, 9), st.integers(0, 10**6))
def test_a_band_of_three_seeds_or_more_is_scipys_t_interval_of_each_point(num: int, seed: int) -> None:
    curves = np.random.default_rng(seed).random((num, 4))
    drawn = band(curves, 0.9)
    low, high = stats.t.interval(0.9, num - 1, curves.mean(0), stats.sem(curves))
    assert drawn.low == pytest.approx(low)
    assert drawn.high == pytest.approx(high)
    assert drawn.what == f"90 % t interval of {num} seeds"


@pytest.mark.parametrize("num", [3, 5, 10])
def test_a_band_holds_the_true_mean_as_often_as_it_says(num: int) -> None:
    """At three seeds the percentile bootstrap holds it 75 times in a hundred; see benchmarks/coverage.py."""
    drawn = band(np.random.default_rng(num).normal(size=(num, 40_000)), 0.95)
    assert ((drawn.low <= 0) & (drawn.high >= 0)).mean() == pytest.approx(0.95, abs=0.005)


def test_points_at_which_all_seeds_agree_have_no_band() -> None:
    drawn = band(np.array([[0.9, 0.25], [0.9, 0.5], [0.9, 0.75]]), 0.95)
    assert np.isnan(drawn.low).tolist() == np.isnan(drawn.high).tolist() == [True, False]


def test_rank_correlation_follows_ranks_alone_and_is_undefined_for_a_constant() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 1000.0])) == pytest.approx(1)
    assert rank_correlation(np.arange(4.0), np.array([1.0, 3.0, 2.0, 4.0])) == pytest.approx(
        0.8
    )  # 1 - 6 x 2 / (4 x 15)
    assert np.isnan(rank_correlation(np.array([1.0, 2.0, 3.0]), np.full(3, 0.8)))


def test_a_table_over_seeds_has_a_row_per_point_in_the_order_of_the_first_column() -> None:
    rows = [
        {"recipe": order, "seed": seed, "position": position, "layer": f"layer{position}", "sparsity": seed / 10}
        for order in ("sequential", "joint")
        for seed in (1, 3)
        for position in (10, 2)
    ]
    table = over_seeds(pd.DataFrame(rows), ["recipe"], ["position", "layer"], "sparsity", 0.95)
    assert table["recipe"].tolist() == ["sequential", "sequential", "joint", "joint"]
    assert table["position"].tolist() == [2, 10, 2, 10]
    assert table["sparsity"].tolist() == pytest.approx([0.2] * 4)
    assert table["num_seeds"].tolist() == [2] * 4
    assert table["band"].tolist() == ["range of 2 seeds"] * 4
