"""The exit rule and the sweep over every threshold, against loops that take one image at a time."""

from __future__ import annotations

import inspect
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from exitprune.evaluation.exiting import Sweep, confidence_of, first_confident_exit, sweep
from tests.at_one_threshold import evaluate_at


def random_logits(seed: int, num_exits: int, num_images: int, num_classes: int, levels: int) -> tuple[Tensor, Tensor]:
    """Logits of few distinct values, so that confidences tie within and between exits."""
    draw = np.random.default_rng(seed)
    logits = draw.integers(0, levels, (num_exits, num_images, num_classes)).astype(np.float32)
    return torch.from_numpy(logits), torch.from_numpy(draw.integers(0, num_classes, num_images))


def slow_exit(confidence: Tensor, image: int, threshold: float) -> int:
    """The rule of the paper, said plainly."""
    last = len(confidence) - 1
    for exit_ in range(last):
        if confidence[exit_, image].item() > threshold:
            return exit_
    return last


CASES = {
    "seed": st.integers(0, 999),
    "num_exits": st.integers(1, 7),
    "num_images": st.integers(1, 30),
    "num_classes": st.integers(2, 4),
    "levels": st.integers(1, 6),
}


@given(**CASES, by_image=st.booleans())
def test_the_sweep_is_what_a_loop_over_images_gives_at_every_distinct_confidence(
    seed: int, num_exits: int, num_images: int, num_classes: int, levels: int, by_image: bool
) -> None:
    logits, labels = random_logits(seed, num_exits, num_images, num_classes, levels)
    draw = np.random.default_rng(seed)
    macs = torch.from_numpy(draw.integers(1, 10**10, (num_exits, num_images if by_image else 1)).cumsum(axis=0))
    cost = macs.expand(num_exits, num_images).tolist()
    curve = sweep(logits, labels, macs)
    confidence = confidence_of(logits)
    answers = logits.argmax(-1)
    for row, threshold in enumerate(curve.threshold.tolist()):
        exits = [slow_exit(confidence, image, threshold) for image in range(num_images)]
        assert curve.num_leaving[row].tolist() == [exits.count(e) for e in range(num_exits)]
        assert curve.num_correct[row] == sum(int(answers[e, i] == labels[i]) for i, e in enumerate(exits))
        assert curve.total_macs[row] == sum(cost[e][i] for i, e in enumerate(exits))


@given(**CASES)
def test_no_threshold_is_left_out(seed: int, num_exits: int, num_images: int, num_classes: int, levels: int) -> None:
    logits, labels = random_logits(seed, num_exits, num_images, num_classes, levels)
    curve = sweep(logits, labels, torch.arange(1, num_exits + 1)[:, None])
    confidence = confidence_of(logits)
    everything = sorted({0.0, 1.0, *confidence.flatten().tolist()}, reverse=True)
    for threshold in everything + [(a + b) / 2 for a, b in pairwise(everything)]:
        row = int(np.flatnonzero(curve.threshold <= np.float32(threshold))[0])  # rows fall; valid up to the one before
        exits = first_confident_exit(confidence, float(np.float32(threshold)))
        assert curve.num_leaving[row].tolist() == exits.bincount(minlength=num_exits).tolist()


@given(**CASES)
def test_rows_fall_from_everyone_at_the_last_exit_to_everyone_at_the_first(
    seed: int, num_exits: int, num_images: int, num_classes: int, levels: int
) -> None:
    logits, labels = random_logits(seed, num_exits, num_images, num_classes, levels)
    curve = sweep(logits, labels, torch.arange(1, num_exits + 1)[:, None])
    assert curve.threshold[0] == 1.0
    assert curve.threshold[-1] == 0.0
    assert (np.diff(curve.threshold) < 0).all()
    assert curve.num_leaving[0].tolist() == [0] * (num_exits - 1) + [num_images]
    assert curve.num_leaving[-1].tolist() == [num_images] + [0] * (num_exits - 1)
    assert (np.diff(curve.total_macs) <= 0).all()
    assert (curve.num_leaving.sum(axis=1) == num_images).all()
    np.testing.assert_allclose(curve.exit_rate.sum(axis=1), 1, rtol=0, atol=1e-15)
    assert curve.num_images == num_images


def test_an_image_leaves_at_the_first_of_several_confident_exits() -> None:
    confidence = torch.tensor([[0.5, 0.9], [0.8, 0.95], [0.6, 0.5]])
    assert first_confident_exit(confidence, 0.7).tolist() == [1, 0]


def test_confidence_must_exceed_the_threshold_not_reach_it() -> None:
    confidence = torch.tensor([[0.5], [0.75], [0.5]])
    assert first_confident_exit(confidence, 0.5).tolist() == [1]
    assert first_confident_exit(confidence, 0.75).tolist() == [2]
    assert first_confident_exit(confidence, 0.4999).tolist() == [0]


def test_when_no_exit_is_sure_the_last_one_answers_not_the_most_confident() -> None:
    logits = torch.tensor([[[2.0, 0.0]], [[0.0, 1.0]]])  # the early exit is surer than the last
    labels = torch.tensor([1])
    assert evaluate_at(logits, labels, torch.tensor([[10], [30]]), threshold=0.99) == (1.0, 30.0)
    assert evaluate_at(logits, labels, torch.tensor([[10], [30]]), threshold=0.5) == (0.0, 10.0)


@pytest.mark.parametrize("own", [0.0, 0.3, 1.0])
def test_the_last_exits_own_confidence_is_not_asked(own: float) -> None:
    confidence = torch.tensor([[0.2, 0.9], [own, own]])
    assert first_confident_exit(confidence, 0.5).tolist() == [1, 0]


def test_the_confidence_given_is_not_changed() -> None:
    confidence = torch.tensor([[0.2, 0.9], [0.4, 0.4]])
    first_confident_exit(confidence, 0.5)
    assert torch.equal(confidence, torch.tensor([[0.2, 0.9], [0.4, 0.4]]))


@pytest.mark.parametrize("threshold", [1.0, 1.5])
def test_a_threshold_of_1_or_more_sends_every_image_to_the_last_exit(threshold: float) -> None:
    assert first_confident_exit(torch.ones(4, 3), threshold).tolist() == [3, 3, 3]


def test_the_rule_cannot_look_at_labels() -> None:
    assert list(inspect.signature(first_confident_exit).parameters) == ["confidence", "threshold"]


@given(**CASES)
def test_labels_change_no_exit_and_no_cost(
    seed: int, num_exits: int, num_images: int, num_classes: int, levels: int
) -> None:
    logits, labels = random_logits(seed, num_exits, num_images, num_classes, levels)
    macs = torch.arange(1, num_exits + 1)[:, None]
    first, second = sweep(logits, labels, macs), sweep(logits, (labels + 1) % num_classes, macs)
    assert np.array_equal(first.threshold, second.threshold)
    assert np.array_equal(first.num_leaving, second.num_leaving)
    assert np.array_equal(first.total_macs, second.total_macs)


@given(seed=st.integers(0, 99), threshold=st.floats(0, 1))
def test_evaluating_at_a_threshold_gives_the_row_of_the_sweep(seed: int, threshold: float) -> None:
    logits, labels = random_logits(seed, 4, 20, 3, 5)
    macs = torch.tensor([[3], [7], [20], [41]])
    curve = sweep(logits, labels, macs)
    row = int(np.flatnonzero(curve.threshold <= np.float32(threshold))[0])
    assert evaluate_at(logits, labels, macs, threshold) == (curve.accuracy[row], curve.average_macs[row])


def test_confidence_is_the_largest_softmax_probability() -> None:
    logits = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    expected = (logits.exp() / logits.exp().sum(-1, keepdim=True)).max(-1).values
    torch.testing.assert_close(confidence_of(logits), expected)


def test_exits_that_are_certain_in_float32_are_not_above_a_threshold_of_1() -> None:
    logits = torch.tensor([[[200.0, 0.0]], [[0.0, 1.0]]])  # softmax is 1.0 exactly
    curve = sweep(logits, torch.tensor([0]), torch.tensor([[1], [2]]))
    assert curve.threshold.tolist() == [1.0, 0.0]
    assert curve.num_leaving.tolist() == [[0, 1], [1, 0]]


def test_total_macs_are_exact_beyond_what_float64_holds() -> None:
    macs = torch.tensor([[2**60 + 1], [2**61 + 1]])
    curve = sweep(torch.zeros(2, 3, 2), torch.zeros(3, dtype=torch.int64), macs)
    assert curve.threshold.tolist() == [1.0, 0.5, 0.0]  # at 0.5 nobody exceeds 0.5
    assert curve.total_macs.tolist() == [3 * (2**61 + 1), 3 * (2**61 + 1), 3 * (2**60 + 1)]


def test_accuracy_is_a_fraction() -> None:
    leaving = np.array([[1, 3]])
    curve = Sweep(np.array([0.5], np.float32), np.array([1]), np.array([10]), leaving)
    assert curve.accuracy.tolist() == [0.25]
    assert curve.average_macs.tolist() == [2.5]
    assert curve.exit_rate.tolist() == [[0.25, 0.75]]
