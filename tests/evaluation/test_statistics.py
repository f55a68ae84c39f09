"""Statistics over seeds, held against scipy and against what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from exitprune.config.evaluate import Evaluate
from exitprune.evaluation.statistics import (
    bootstrap_band,
    mean_and_std,
    over_seeds,
    paired_difference,
    rank_correlation,
)

ROWS = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8)
EVALUATE = Evaluate(confidence_level=0.95, margin=0.01, resamples=200)


@given(ROWS)
def test_the_interval_of_a_difference_is_that_of_scipys_paired_t_test(pairs: list[tuple[float, float]]) -> None:
    first, second = np.array(pairs).T
    ours = paired_difference(first, second, 0.9)
    if ours.std > 1e-9:
        theirs = stats.ttest_rel(first, second).confidence_interval(0.9)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-9, abs=1e-12)


def test_a_difference_without_spread_has_an_interval_of_width_zero() -> None:
    difference = paired_difference(np.array([0.5, 0.75, 1.0]), np.array([0.25, 0.5, 0.75]), 0.95)
    assert (difference.low, difference.mean, difference.high) == (0.25, 0.25, 0.25)
    assert difference.half_width == 0


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
    low, high = bootstrap_band(curves, 0.95, 200)
    assert mean.tolist() == [0.1, 0.2, 0.3]
    assert np.isnan([std, low, high]).all()


def test_a_band_encloses_the_mean_and_stays_within_the_seeds() -> None:
    curves = np.random.default_rng(0).integers(0, 64, (3, 20)) / 64  # exact sums
    low, high = bootstrap_band(curves, 0.95, 500)
    mean, _ = mean_and_std(curves)
    assert (low <= mean).all()
    assert (mean <= high).all()
    assert (curves.min(axis=0) <= low).all()
    assert (high <= curves.max(axis=0)).all()


def test_a_band_is_the_same_in_every_call() -> None:
    curves = np.random.default_rng(0).random((3, 5))
    assert np.array_equal(bootstrap_band(curves, 0.95, 200), bootstrap_band(curves, 0.95, 200))


def test_whole_curves_are_drawn_so_the_band_of_a_shifted_point_is_shifted() -> None:
    seeds = np.array([0.0, 1.0, 5.0])
    low, high = bootstrap_band(np.stack([seeds, seeds + 10], axis=1), 0.8, 300)
    assert low[1] - low[0] == 10
    assert high[1] - high[0] == 10


def test_seeds_that_agree_have_a_band_of_width_zero() -> None:
    low, high = bootstrap_band(np.full((3, 2), 0.25), 0.95, 200)
    assert np.array_equal(low, high)


def test_rank_correlation_follows_ranks_alone_and_is_undefined_for_a_constant() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 1000.0])) == pytest.approx(1)
    assert np.isnan(rank_correlation(np.array([1.0, 2.0, 3.0]), np.full(3, 0.8)))


def test_a_table_over_seeds_has_a_row_per_point_in_the_order_of_the_first_column() -> None:
    rows = [
        {"recipe": recipe, "seed": seed, "position": position, "layer": f"layer{position}", "sparsity": seed / 10}
        for recipe in ("sequential", "joint")
        for seed in (1, 3)
        for position in (10, 2)
    ]
    table = over_seeds(pd.DataFrame(rows), ["recipe"], ["position", "layer"], "sparsity", EVALUATE)
    assert table["recipe"].tolist() == ["sequential", "sequential", "joint", "joint"]
    assert table["position"].tolist() == [2, 10, 2, 10]
    assert table["sparsity"].tolist() == pytest.approx([0.2] * 4)
    assert table["num_seeds"].tolist() == [2] * 4
