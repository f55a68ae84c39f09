"""Costs at equal accuracy, on curves whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from exitprune.evaluation.equal_accuracy import common_accuracies, cost_at


def test_a_cost_is_read_straight_between_two_points_whatever_their_order() -> None:
    cost, accuracy = np.array([30.0, 10.0, 20.0]), np.array([0.9, 0.5, 0.7])
    assert cost_at(cost, accuracy, np.array([0.5, 0.6, 0.8, 0.9])) == pytest.approx([10, 15, 25, 30])


def test_a_dearer_point_that_is_no_better_counts_for_nothing() -> None:
    cost, accuracy = np.array([10.0, 20.0, 30.0, 30.0]), np.array([0.5, 0.4, 0.7, 0.6])
    assert cost_at(cost, accuracy, np.array([0.6])) == pytest.approx([20])


def test_what_the_cheapest_point_gives_costs_as_much_as_that_and_nothing_is_said_above_the_best() -> None:
    found = cost_at(np.array([10.0, 20.0]), np.array([0.5, 0.7]), np.array([0.1, 0.71]))
    assert found[0] == 10
    assert np.isnan(found[1])


def test_common_accuracies_are_those_that_every_curve_reaches() -> None:
    first, second = (np.array([1.0, 2.0]), np.array([0.5, 0.8])), (np.array([3.0, 4.0]), np.array([0.6, 0.9]))
    common = common_accuracies([first, second])
    assert common is not None
    assert (common[0], common[-1]) == (0.6, 0.8)
    assert common_accuracies([first, (np.array([1.0]), np.array([0.9]))]) is None
