"""Quantities that claims are judged by, on made-up images."""

from __future__ import annotations

import numpy as np
import pytest

from exitprune.evaluation import comparisons
from exitprune.evaluation.comparisons import Network
from exitprune.evaluation.equal_accuracy import common_accuracies, cost_at
from exitprune.evaluation.exiting import sweep_outcomes
from exitprune.evaluation.records import Outcomes


def outcomes(seed: int, skill: float = 0.0, price: float = 1.0, num: int = 400) -> Outcomes:
    """Three exits, each surer and better than the one before."""
    draw = np.random.default_rng(seed)
    sure = 1 / (1 + np.exp(-draw.normal(np.array([[0.5], [1.0], [1.5]]) + skill, 1, (3, num))))
    macs = np.array([[1.0], [2.0], [4.0]]) * price
    return Outcomes(sure.astype(np.float32), draw.random((3, num)) < sure, macs)


def network(seed: int, skill: float = 0.0, price: float = 1.0) -> Network:
    return Network(outcomes(seed, skill, price), outcomes(seed + 100, skill, price))


def test_accuracies_at_exits_are_means_over_all_test_images() -> None:
    first, second = network(0), network(1)
    early, deepest = comparisons.early_exits(first, second), comparisons.deepest_exit(first, second)
    assert early is not None
    assert early.values == pytest.approx((first.test.correct[:-1].mean(), second.test.correct[:-1].mean()))
    assert deepest.values == pytest.approx((first.test.correct[-1].mean(), second.test.correct[-1].mean()))
    assert deepest.macs == (4, 4)
    for found in (early, deepest):
        assert found.differences.mean() == pytest.approx(found.values[0] - found.values[1])


def test_what_a_group_of_images_says_of_a_mean_is_its_own_mean() -> None:
    first, second = network(0), network(1)
    each = first.test.correct[-1].astype(float) - second.test.correct[-1]
    groups = [part.mean() for part in np.array_split(each, comparisons.NUM_GROUPS)]
    assert comparisons.deepest_exit(first, second).differences == pytest.approx(groups)


def test_the_same_network_at_twice_the_price_costs_twice_as_much_at_every_accuracy_in_every_group() -> None:
    found = comparisons.cost(network(0, price=2), network(0))
    assert found is not None
    assert found.values[0] == pytest.approx(2 * found.values[1])
    assert found.differences == pytest.approx([np.log(2)] * comparisons.NUM_GROUPS)


@pytest.mark.parametrize("step", [1, 7])
def test_sweeps_with_and_without_each_group_are_those_of_one_threshold_after_another(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = outcomes(0, num=60)
    twice = np.arange(60) // 2  # images that are equally sure
    one = Network(drawn, Outcomes(drawn.confidence[:, twice], drawn.correct, drawn.macs))
    thresholds = sweep_outcomes(one.test).threshold
    monkeypatch.setattr(comparisons, "NUM_THRESHOLDS", -(-len(thresholds) // step))
    tried = [*thresholds[::step], *thresholds[-1:]] if (len(thresholds) - 1) % step else thresholds[::step]
    assert (len(tried) < len(thresholds)) == (step > 1)
    everybody = np.arange(60)
    parts = [everybody, *(np.setdiff1d(everybody, out) for out in np.array_split(everybody, comparisons.NUM_GROUPS))]
    for found, number in zip(one.swept, (0, 1), strict=True):
        assert found.shape == (1 + comparisons.NUM_GROUPS, len(tried))
        for row, part in zip(found, parts, strict=True):
            alone = Network(drawn, Outcomes(one.test.confidence[:, part], one.test.correct[:, part], one.test.macs))
            expected = [alone.correct_at(float(threshold)) for threshold in tried]
            assert row == pytest.approx([np.mean(pair[number]) for pair in expected])


def test_of_few_images_each_group_has_two() -> None:
    found = comparisons.deepest_exit(*(Network(outcomes(seed), outcomes(seed, num=12)) for seed in (0, 1)))
    assert len(found.differences) == 6


def test_the_cost_at_equal_accuracy_is_that_of_the_whole_sweeps() -> None:
    first, second = network(0, skill=0.3), network(1)
    curves = [(sweep.average_macs, sweep.accuracy) for sweep in map(sweep_outcomes, (first.test, second.test))]
    wanted = common_accuracies(curves)
    assert wanted is not None
    logs = [np.log(cost_at(*curve, wanted)).mean() for curve in curves]
    found = comparisons.cost(first, second)
    assert found is not None
    assert np.log(found.values) == pytest.approx(logs, abs=0.01)
    assert found.differences.mean() == pytest.approx(logs[0] - logs[1], abs=0.01)


def test_the_scatter_that_groups_tell_of_a_cost_is_that_of_other_images() -> None:
    drawn, told = [], []
    for seed in range(40):
        first, second = (
            Network(outcomes(0), outcomes(1000 + 2 * seed + number, skill=skill, num=1000))
            for number, skill in enumerate((0.2, 0.0))
        )
        found = comparisons.cost(first, second)
        assert found is not None
        drawn.append(found.differences.mean())
        told.append(found.differences.std(ddof=1) / comparisons.NUM_GROUPS**0.5)
    assert np.mean(told) == pytest.approx(np.std(drawn, ddof=1), rel=0.35)


def test_networks_without_an_accuracy_in_common_have_no_cost_at_one() -> None:
    perfect = Outcomes(network(0).test.confidence, np.ones((3, 400), bool), network(0).test.macs)
    assert comparisons.cost(Network(perfect, perfect), network(1)) is None


def test_a_threshold_is_chosen_on_validation_within_the_cheaper_ones_budget_and_told_of_test() -> None:
    dear, cheap = network(0, price=1.5), network(1)
    found = comparisons.within_budget(dear, cheap)
    assert found is not None
    for one, value, macs in zip((dear, cheap), found.values, found.macs, strict=True):
        sweep = sweep_outcomes(one.validation)
        within = sweep.average_macs <= 2.0  # half of 4, what the cheaper one takes when nobody leaves
        best = sweep.threshold[np.flatnonzero(within)[sweep.num_correct[within].argmax()]]
        assert value == pytest.approx(one.correct_at(float(best) - 1e-7)[0].mean(), abs=0.01)
        assert macs == pytest.approx(2.0, rel=0.2)


def test_the_best_threshold_may_cost_anything() -> None:
    first, second = network(3), network(6)
    found = comparisons.best_threshold(first, second)
    for one, value in zip((first, second), found.values, strict=True):
        sweep = sweep_outcomes(one.validation)
        best = sweep.num_correct.argmax()
        assert sweep.average_macs[best] > 0.8 * 4, "else a budget would not show"
        assert value == pytest.approx(one.correct_at(float(sweep.threshold[best]) - 1e-7)[0].mean(), abs=0.01)
    assert found.differences.mean() == pytest.approx(found.values[0] - found.values[1])
