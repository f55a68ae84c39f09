"""What tells the schedules apart, by numbers worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from exitprune.pruning.schedules.cubic import Cubic
from exitprune.pruning.schedules.geometric import Geometric
from exitprune.pruning.schedules.halving import Halving
from exitprune.pruning.schedules.hybrid import Hybrid
from exitprune.pruning.schedules.linear import Linear
from exitprune.pruning.schedules.logarithmic import Logarithmic
from exitprune.pruning.schedules.one_shot import OneShot


def test_linear_removes_the_same_number_in_every_round() -> None:
    assert Linear().kept_shares(4, 0.8) == pytest.approx([0.8, 0.6, 0.4, 0.2])


@pytest.mark.parametrize(
    ("rounds", "first", "gone"),
    [(4, 0.5, [0.5, 0.6, 0.7, 0.8]), (2, 0.2, [0.2, 0.8]), (1, 0.5, [0.8]), (3, 0.9, [0.8] * 3)],
)
def test_linear_after_a_first_step_removes_equal_parts_of_the_rest(
    rounds: int, first: float, gone: list[float]
) -> None:
    assert [1 - kept for kept in Linear(first=first).kept_shares(rounds, 0.8)] == pytest.approx(gone)


def test_geometric_keeps_the_same_share_of_what_is_left() -> None:
    assert Geometric().kept_shares(3, 0.875) == pytest.approx([0.5, 0.25, 0.125])


def test_one_shot_removes_everything_in_the_first_round() -> None:
    assert OneShot().kept_shares(3, 0.75) == [0.25, 0.25, 0.25]


def removed(kept: list[float]) -> list[float]:
    """The share of all units that each round removes."""
    return [before - after for before, after in pairwise([1.0, *kept])]


def test_cubic_is_slow_at_the_end() -> None:
    assert Cubic().kept_shares(2, 0.8) == pytest.approx([1 - 0.8 * 7 / 8, 0.2])


@pytest.mark.parametrize(("rounds", "sparsity", "first"), [(4, 0.8, 0.5), (11, 0.98, 0.7), (2, 0.6, 0.1)])
def test_hybrid_takes_one_step_and_then_the_same_share_of_what_is_left(
    rounds: int, sparsity: float, first: float
) -> None:
    rate = 1 - (1 - (sparsity - first)) ** (1 / (rounds - 1))
    expected = [first, *(rate * (1 - rate) ** j for j in range(rounds - 1))]
    assert removed(Hybrid(first=first).kept_shares(rounds, sparsity)) == pytest.approx(expected, abs=1e-8)


def test_hybrid_with_a_first_step_beyond_what_is_to_go_takes_that_at_once() -> None:
    assert Hybrid(first=0.5).kept_shares(3, 0.3) == pytest.approx([0.7, 0.7, 0.7])


@pytest.mark.parametrize(("rounds", "sparsity"), [(1, 0.5), (5, 0.8), (20, 0.95)])
def test_logarithmic_steps_are_numpys_geometric_space_from_above(rounds: int, sparsity: float) -> None:
    steps = np.geomspace(1, rounds, rounds)[::-1]
    expected = (sparsity * steps / steps.sum()).tolist()
    assert removed(Logarithmic().kept_shares(rounds, sparsity)) == pytest.approx(expected, abs=1e-8)


def test_halving_gives_the_published_levels() -> None:
    gone = [1 - share for share in Halving().kept_shares(7, 0.98)]
    assert gone == pytest.approx([0.5, 0.74, 0.86, 0.92, 0.95, 0.965, 0.98], abs=1e-8)
    assert [1 - share for share in Halving().kept_shares(3, 0.4)] == pytest.approx([0.25, 0.325, 0.4])
