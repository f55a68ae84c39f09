from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from exitprune.evaluation.exiting import confidence_of, sweep
from exitprune.evaluation.operating_points import Costs, Rule, choose, operating_points, outcome
from tests.at_one_threshold import evaluate_at

NUM_IMAGES = 24
MACS = torch.tensor([[10], [25], [60]])
MILLISECONDS = [0.5, 0.9, 3.0]
COSTS = Costs(MACS, MILLISECONDS)


def drawn(seed: int, num_images: int = NUM_IMAGES) -> tuple[Tensor, Tensor]:
    """Logits of three exits, later ones better, and labels."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (num_images,), generator=draw)
    logits = torch.randn(3, num_images, 4, generator=draw)
    for exit_ in range(3):
        logits[exit_, torch.arange(num_images), labels] += 1 + exit_
    return logits, labels


def tried(logits: Tensor, labels: Tensor) -> list[tuple[float, float, float, float]]:
    """Threshold, accuracy, MACs and milliseconds of every threshold that differs, one by one."""
    rows = []
    for threshold in sweep(logits, labels, MACS).threshold.tolist():
        accuracy, macs = evaluate_at(logits, labels, MACS, threshold)
        found = outcome(logits, labels, COSTS, threshold)
        assert found.milliseconds is not None
        rows.append((threshold, accuracy, macs, found.milliseconds))
    return rows


@given(seed=st.integers(0, 10**6), lost=st.sampled_from([0.0, 0.01, 0.05, 0.3]))
def test_no_threshold_that_loses_as_little_accuracy_is_cheaper(seed: int, lost: float) -> None:
    logits, labels = drawn(seed)
    threshold = choose(sweep(logits, labels, MACS), Rule("accuracy_lost", lost), COSTS)
    assert threshold is not None
    rows = tried(logits, labels)
    allowed = [row for row in rows if round((rows[0][1] - row[1]) * NUM_IMAGES) <= lost * NUM_IMAGES]
    accuracy, macs = evaluate_at(logits, labels, MACS, threshold)
    assert round((rows[0][1] - accuracy) * NUM_IMAGES) <= lost * NUM_IMAGES
    assert macs == pytest.approx(min(row[2] for row in allowed))


@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.2, 0.5, 0.8]))
def test_no_threshold_within_the_macs_is_more_accurate(seed: int, share: float) -> None:
    logits, labels = drawn(seed)
    threshold = choose(sweep(logits, labels, MACS), Rule("macs_share", share), COSTS)
    assert threshold is not None
    allowed = [row for row in tried(logits, labels) if row[2] <= share * float(MACS[-1])]
    accuracy, macs = evaluate_at(logits, labels, MACS, threshold)
    assert macs <= share * float(MACS[-1])
    assert accuracy == pytest.approx(best := max(row[1] for row in allowed))
    assert macs == pytest.approx(min(row[2] for row in allowed if row[1] == pytest.approx(best))), (
        "of equals the cheapest"
    )


@given(seed=st.integers(0, 10**6), limit=st.sampled_from([0.6, 1.0, 2.0]))
def test_no_threshold_within_the_time_is_more_accurate(seed: int, limit: float) -> None:
    logits, labels = drawn(seed)
    threshold = choose(sweep(logits, labels, MACS), Rule("milliseconds", limit), COSTS)
    assert threshold is not None
    allowed = [row for row in tried(logits, labels) if row[3] <= limit]
    found = outcome(logits, labels, COSTS, threshold)
    assert found.milliseconds is not None
    assert found.milliseconds <= limit
    assert found.accuracy == pytest.approx(max(row[1] for row in allowed))


@given(seed=st.integers(0, 10**6), percentage=st.sampled_from([50.0, 75.0, 90.0]))
def test_so_many_of_the_images_keep_a_limit_each_for_itself(seed: int, percentage: float) -> None:
    logits, labels = drawn(seed)
    chosen = choose(sweep(logits, labels, MACS), Rule("milliseconds", 1.0, percentage), COSTS)

    def late(threshold: float) -> int:  # beyond the second exit it takes 3 ms
        return int((confidence_of(logits)[:2] <= threshold).all(0).sum())

    most = NUM_IMAGES * (100 - percentage) / 100
    allowed = [row for row in tried(logits, labels) if late(row[0]) <= most]
    assert chosen is not None
    assert late(chosen) <= most
    assert evaluate_at(logits, labels, MACS, chosen)[0] == pytest.approx(max(row[1] for row in allowed))


def test_what_test_images_cost_is_their_own() -> None:
    validation, test = drawn(0), drawn(1)
    dear = Costs(2 * MACS, MILLISECONDS)
    (plain,), (other,) = (
        operating_points([Rule("threshold", 0.5)], validation, test, COSTS, of_test) for of_test in (None, dear)
    )
    assert other.validation == plain.validation
    assert other.test.average_macs == pytest.approx(2 * plain.test.average_macs)


def test_accuracy_lost_is_counted_in_whole_images() -> None:
    """Exit 0 is wrong on 29 of 100; 0.29 x 100 is 28.999999999999996 in floating point."""
    labels = torch.zeros(100, dtype=torch.int64)
    right = torch.tensor([5.0, 0.0])
    logits = right.repeat(2, 100, 1)
    logits[0, :29] = torch.tensor([0.0, 5.0])
    one_and_two = torch.tensor([[1], [2]])
    widest = choose(sweep(logits, labels, one_and_two), Rule("accuracy_lost", 0.29), Costs(one_and_two))
    assert widest is not None
    assert widest < float(confidence_of(right))
    stricter = choose(sweep(logits, labels, one_and_two), Rule("accuracy_lost", 0.28), Costs(one_and_two))
    assert stricter == 1.0


@given(seed=st.integers(0, 10**6))
def test_the_threshold_is_no_image_s_confidence(seed: int) -> None:
    """Where rounding elsewhere could send the image another way."""
    logits, labels = drawn(seed)
    threshold = choose(sweep(logits, labels, MACS), Rule("macs_share", 0.6), COSTS)
    assert threshold not in confidence_of(logits)[:-1].flatten().tolist()


def test_a_rule_that_no_threshold_keeps_has_no_operating_point() -> None:
    part = drawn(1)
    assert operating_points([Rule("macs_share", 0.01), Rule("milliseconds", 0.4)], part, part, COSTS) == []


def test_milliseconds_cannot_be_limited_where_none_were_measured() -> None:
    curve = sweep(*drawn(1), MACS)
    with pytest.raises(ValueError, match="measured milliseconds"):
        choose(curve, Rule("milliseconds", 1.0), Costs(MACS))


def test_test_images_are_reported_and_choose_nothing() -> None:
    validation = drawn(1)
    rules = [Rule("accuracy_lost", 0.01), Rule("macs_share", 0.5)]
    first = operating_points(rules, validation, drawn(2), COSTS)
    second = operating_points(rules, validation, drawn(3), COSTS)
    assert [point.threshold for point in first] == [point.threshold for point in second]
    assert [point.validation for point in first] == [point.validation for point in second]
    assert [point.test for point in first] != [point.test for point in second]
    assert [point.rule for point in first] == ["accuracy_lost=0.01", "macs_share=0.5"]


def test_an_outcome_is_what_the_exits_taken_give() -> None:
    logits = torch.tensor([[[9.0, 0.0], [0.0, 0.1], [0.0, 9.0]], [[0.0, 0.1], [0.0, 9.0], [9.0, 0.0]]])
    found = outcome(logits, torch.tensor([0, 1, 0]), Costs(torch.tensor([[3], [9]]), [1.0, 4.0]), 0.9)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.exit_rate == pytest.approx([2 / 3, 1 / 3])
    assert found.average_macs == pytest.approx(5)
    assert found.milliseconds == pytest.approx(2)


@given(seed=st.integers(0, 10**6), threshold=st.floats(0.2, 1))
def test_where_costs_depend_on_the_image_the_average_is_over_what_each_image_took(seed: int, threshold: float) -> None:
    logits, labels = drawn(seed)
    macs = torch.randint(1, 1000, (3, NUM_IMAGES), generator=torch.Generator().manual_seed(seed)).cumsum(0)
    found = outcome(logits, labels, Costs(macs), threshold)
    assert found.average_macs == pytest.approx(evaluate_at(logits, labels, macs, threshold)[1])


def test_the_share_of_macs_is_of_what_these_images_take_when_nobody_leaves() -> None:
    logits, labels = drawn(3)
    macs = torch.randint(1, 1000, (3, NUM_IMAGES), generator=torch.Generator().manual_seed(3)).cumsum(0)
    threshold = choose(sweep(logits, labels, macs), Rule("macs_share", 0.7), Costs(macs))
    assert threshold is not None
    assert evaluate_at(logits, labels, macs, threshold)[1] <= 0.7 * float(macs[-1].double().mean())
