"""Exits and thresholds are found as trying every one would find them."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from exitprune.evaluation.outcome import outcome_of
from exitprune.evaluation.records import Outcomes
from exitprune.evaluation.subsets import front, subsets, with_exits

BODY = 1000
"""MACs between one exit and the next."""


def outcomes_of(confidence: np.ndarray, correct: np.ndarray, heads: list[int], each_image: bool = False) -> Outcomes:
    """With costs that have the heads passed on the way in them; a few more for every other image."""
    macs = np.array([BODY * (row + 1) + sum(heads[: row + 1]) for row in range(len(confidence))])[:, None]
    if each_image:
        macs = macs + np.arange(confidence.shape[1]) % 2 * 7 * np.arange(1, len(confidence) + 1)[:, None]
    return Outcomes(confidence, correct, macs)


def one_by_one(outcomes: Outcomes, heads: list[int]) -> set[tuple[int, float]]:
    """Right answers and MACs of every subset at every threshold, image by image, as one would without thinking."""
    num_early, num_images = len(heads), outcomes.confidence.shape[1]
    thresholds = [-1.0, 2.0, *np.unique(outcomes.confidence).tolist()]
    macs = np.broadcast_to(outcomes.macs, outcomes.confidence.shape)
    found = set()
    for kept in subsets(num_early):
        for threshold in thresholds:
            right, total = 0, 0
            for image in range(num_images):
                leaves = [e for e in kept if outcomes.confidence[e, image] > np.float32(threshold)]
                exit_ = leaves[0] if leaves else num_early
                right += bool(outcomes.correct[exit_, image])
                total += macs[exit_, image] - sum(heads[e] for e in range(min(exit_, num_early)) if e not in kept)
            found.add((right, float(total)))
    return found


def unbeaten(points: set[tuple[int, float]]) -> list[tuple[int, float]]:
    """Those that no other is at least as good as in both."""
    return sorted(
        (right, macs)
        for right, macs in points
        if not any((r >= right and m < macs) or (r > right and m <= macs) for r, m in points)
    )


@st.composite
def studies(draw: st.DrawFn) -> tuple[Outcomes, list[int]]:
    """One to four exits, one to six images; few different confidences, so that many are equal."""
    num_exits, num_images = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    shape = (num_exits, num_images)
    levels = st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.9, 1.0])
    confidence = draw(arrays(np.float32, shape, elements=levels.map(lambda value: float(np.float32(value)))))
    correct = draw(arrays(np.bool_, shape))
    heads = draw(st.lists(st.integers(0, 50), min_size=num_exits - 1, max_size=num_exits - 1))
    return outcomes_of(confidence, correct, heads, draw(st.booleans())), heads


@given(studies())
def test_the_front_is_that_of_trying_everything(study: tuple[Outcomes, list[int]]) -> None:
    outcomes, heads = study
    found = front(outcomes, heads)
    assert list(zip(found.num_correct.tolist(), found.total_cost.tolist(), strict=True)) == unbeaten(
        one_by_one(outcomes, heads)
    )


@given(studies())
def test_every_point_gives_what_it_says(study: tuple[Outcomes, list[int]]) -> None:
    outcomes, heads = study
    found = front(outcomes, heads)
    for place, right in enumerate(found.num_correct):
        point = found.point(place)
        got = outcome_of(with_exits(outcomes, heads, point.exits), point.threshold)
        assert got.accuracy == right / found.num_images == point.accuracy
        assert got.average_macs == pytest.approx(point.cost, rel=1e-12)


def test_an_exit_that_does_not_pay_is_dropped() -> None:
    confidence = np.array([[0.6, 0.6, 0.6], [0.9, 0.9, 0.2], [0.5, 0.5, 0.5]], dtype=np.float32)
    correct = np.array([[False, False, False], [True, True, False], [True, True, True]])
    found = front(outcomes_of(confidence, correct, [10, 20]), [10, 20])
    # Whoever is content with nothing right leaves at exit 0; for all others its head costs 10 MACs for nothing.
    assert [found.point(place).exits for place in range(3)] == [(0,), (1,), (1,)]
    point = found.point(2)
    assert point.threshold == pytest.approx(0.55)
    assert point.accuracy == 1
    assert point.cost == pytest.approx((2 * 2020 + 3020) / 3)


def test_a_threshold_lies_in_the_middle_of_those_that_do_the_same() -> None:
    confidence = np.array([[0.75, 0.25], [1.0, 1.0]], dtype=np.float32)
    found = front(outcomes_of(confidence, np.array([[True, False], [True, True]]), [1]), [1])
    assert found.point(1).threshold == 0.5


def test_cifar_10_takes_a_small_part_of_a_second() -> None:
    draw = np.random.default_rng(0)
    confidence = draw.beta(5, 1, (7, 5000)).astype(np.float32)
    correct = draw.random((7, 5000)) < np.linspace(0.6, 0.9, 7)[:, None]
    heads = [5120] * 6
    start = time.process_time()
    assert len(front(outcomes_of(confidence, correct, heads), heads).num_correct) > 100
    assert time.process_time() - start < 1


@pytest.mark.parametrize("seed", range(3))
def test_seven_exits_are_as_good_as_tried_one_by_one(seed: int) -> None:
    draw = np.random.default_rng(seed)
    confidence = draw.random((7, 5)).astype(np.float32)
    heads = draw.integers(1, 100, 6).tolist()
    outcomes = outcomes_of(confidence, draw.random((7, 5)) < 0.6, heads)
    found = front(outcomes, heads)
    assert list(zip(found.num_correct.tolist(), found.total_cost.tolist(), strict=True)) == unbeaten(
        one_by_one(outcomes, heads)
    )
