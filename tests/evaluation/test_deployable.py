"""The one to deploy is the one that trying every candidate finds, and test images have no say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exitprune.errors import BadInput
from exitprune.evaluation.candidates import Candidate, Network, networks_of
from exitprune.evaluation.deployable import Limit, choose
from exitprune.evaluation.exit_times import EIGHT_BITS, Times
from exitprune.evaluation.over_seeds import over_seeds
from exitprune.evaluation.record_reading import read_record
from exitprune.evaluation.records import Outcomes, Record
from exitprune.evaluation.subsets import Point, subsets
from tests.synthetic import write_study


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    return [read_record(path) for path in write_study(tmp_path_factory.mktemp("study"), seeds=(0, 1))[1]]


@pytest.fixture(scope="module")
def networks(records: list[Record]) -> list[Network]:
    return networks_of(records)


def of_few_images(network: Network) -> Network:
    """Its first twenty validation images, so that all can be tried."""
    all_ = network.outcomes["validation"]
    few = Outcomes(all_.confidence[:, :20], all_.correct[:, :20], all_.macs)
    return replace(network, outcomes={**network.outcomes, "validation": few}, baseline=int(few.correct[-1].sum()))


def in_eight_bits(network: Network) -> Network:
    """The same with some answers the other way."""
    outcomes = {
        split: replace(one, correct=one.correct ^ (np.arange(one.correct.shape[1]) % 7 == 0))
        for split, one in network.outcomes.items()
    }
    return replace(network, outcomes=outcomes, precision=EIGHT_BITS)


def timed(networks: list[Network]) -> dict[str, list[Times]]:
    """Runtimes for every network but the last: one fast where much is done, one where little is, and one in eight bits."""
    times: dict[str, list[Times]] = {}
    for place, network in enumerate(networks[:-1]):
        num = len(network.heads)
        steady = tuple(0.4 + 0.01 * place + 0.03 * exit_ for exit_ in range(num + 1))
        keen = tuple(0.1 + 0.12 * exit_ for exit_ in range(num + 1))
        times.setdefault(network.weights_sha256, []).extend(
            [
                Times("steady", 64, 1, "an abacus", steady, (0.001,) * num),
                Times("keen", 64, 1, "an abacus", keen, tuple(0.01 * exit_ for exit_ in range(num))),
                Times(EIGHT_BITS, 64, 1, "an abacus", tuple(0.8 * one for one in keen), (0.02,) * num),
            ]
        )
    return times


def tried(
    networks: list[Network], limit: Limit, times: dict[str, list[Times]]
) -> list[tuple[tuple[float, ...], tuple[str, str]]]:
    """Key and kind of the best threshold that keeps the limit, of all subsets of all networks, best first; all are tried.

    An image goes from exit to exit, and pays for the way and for every head it is asked by.
    """
    found = []
    for network in networks:
        validation, num = network.outcomes["validation"], len(network.heads)
        own = [one for one in times.get(network.weights_sha256, []) if one.precision == network.precision]
        if not limit.in_time and network.precision == EIGHT_BITS:
            continue
        macs = validation.macs.ravel()
        bare = macs - [sum(network.heads[:row]) + (network.heads[row] if row < num else 0) for row in range(num + 1)]
        for body, heads in [(one.body, one.heads) for one in own] if limit.in_time else [(bare, network.heads)]:
            for kept in subsets(num):
                rows = np.array([*kept, num])
                spent = np.array([body[row] + sum(heads[exit_] for exit_ in kept if exit_ <= row) for row in rows])
                thresholds = np.array([1.0, 0.0, *np.unique(validation.confidence[:-1])], np.float32)
                leaves = validation.confidence[rows, None] > thresholds[None, :, None]  # (E, T, N)
                leaves[-1] = True
                taken = leaves.argmax(axis=0)  # (T, N)
                cost = spent[taken].mean(axis=1)
                right = validation.correct[rows[taken], np.arange(taken.shape[1])].sum(axis=1)
                keeps = (network.baseline - right) / taken.shape[1] if limit.what == "accuracy_lost" else cost
                kept_by = np.flatnonzero(keeps <= limit.value + 1e-9)
                first, then = (cost, -right) if limit.what == "accuracy_lost" else (-right, cost)
                for place in kept_by[np.lexsort((then[kept_by], first[kept_by]))][:1]:
                    found.append(((float(first[place]), float(then[place])), (network.recipe, network.state)))
    return sorted(found)


@pytest.mark.parametrize(
    "limit",
    [
        Limit("macs", 2e6),
        Limit("macs", 1e7),
        Limit("accuracy_lost", 0.05),
        Limit("accuracy_lost", 0.0),
        Limit("milliseconds", 0.3),
        Limit("milliseconds", 0.45),
        Limit("accuracy_lost", 0.1, by_time=True),
    ],
    ids=str,
)
def test_the_choice_is_that_of_trying_every_candidate(networks: list[Network], limit: Limit) -> None:
    few = [of_few_images(one) for one in networks if one.state != "final" and one.seed == 0]
    few += [in_eight_bits(one) for one in few]
    times = timed(few)
    answer = choose(few, limit, times)
    expected = tried(few, limit, times)
    got, network = answer.best.outcome("validation"), answer.best.network
    right = got.accuracy * network.outcomes["validation"].correct.shape[1]
    cost = got.milliseconds if limit.in_time else got.average_macs
    key = (cost, -right) if limit.what == "accuracy_lost" else (-right, cost)
    assert answer.meets
    assert key == pytest.approx(expected[0][0], rel=1e-9)
    assert (network.recipe, network.state) in {kind for key_, kind in expected if key_ == pytest.approx(key, rel=1e-9)}
    assert answer.runner_up is not None
    assert answer.runner_up.kind != answer.best.kind


def test_test_images_choose_nothing(networks: list[Network]) -> None:
    shuffled = [
        replace(
            one,
            outcomes={
                "validation": one.outcomes["validation"],
                "test": replace(one.outcomes["test"], correct=~one.outcomes["test"].correct),
            },
        )
        for one in networks
    ]
    limit = Limit("macs", 2e6)
    ours, theirs = choose(networks, limit).best, choose(shuffled, limit).best
    assert (ours.network.weights_sha256, ours.point) == (theirs.network.weights_sha256, theirs.point)


@pytest.mark.parametrize("what", ["macs", "accuracy_lost"])
def test_what_comes_closest_is_told_where_nothing_keeps_the_limit(networks: list[Network], what: str) -> None:
    hard = [replace(one, baseline=10**6) for one in networks]
    answer = choose(hard, Limit("macs", 1.0) if what == "macs" else Limit("accuracy_lost", 0.0))
    assert not answer.meets
    assert answer.runner_up is None
    fronts = [one.front() for one in hard]
    if what == "macs":
        assert answer.best.point.cost == min(f.total_cost[0] / f.num_images for f in fronts)
    else:
        assert answer.best.point.accuracy == max(f.num_correct[-1] / f.num_images for f in fronts)


def test_only_what_was_timed_is_chosen_by_time(networks: list[Network]) -> None:
    times = {networks[2].weights_sha256: timed(networks)[networks[2].weights_sha256]}
    assert choose(networks, Limit("milliseconds", 10), times).best.network is networks[2]
    with pytest.raises(ValueError, match="timed"):
        choose(networks, Limit("milliseconds", 10), {})


def test_an_exit_that_is_not_asked_takes_no_time() -> None:
    times = Times("keen", 64, 1, "an abacus", (0.1, 0.2, 0.4), (0.01, 0.02))
    assert times.leaving == pytest.approx([0.11, 0.23, 0.43])
    assert times.of((1,)) == pytest.approx([0.22, 0.42])
    assert times.of(()) == [0.4]


def test_heads_cost_what_is_left_of_their_weights(records: list[Record], networks: list[Network]) -> None:
    layers = {layer.layer: layer for layer in records[0].about.layers}
    for network in networks[:3]:
        heads = [layers[f"exit{number}"] for number in range(6)]
        assert network.heads == tuple(h.weights if network.state == "unpruned" else h.kept for h in heads)


def test_numbers_over_seeds_are_of_the_same_recipe_exits_and_threshold(networks: list[Network]) -> None:
    like = [one for one in networks if (one.recipe, one.state) == ("joint", "recovered")]
    point = Point((0, 3), 0.6, 0.0, 0.0)
    in_eight_bits = replace(like[1], precision="int8")
    accuracy, macs = over_seeds(Candidate(like[0], point, None), [*networks, in_eight_bits], 0.95)
    each = [one.outcome("test", point) for one in like]
    assert accuracy.mean == pytest.approx(np.mean([one.accuracy for one in each]))
    assert (accuracy.low, accuracy.high) == pytest.approx(tuple(sorted(one.accuracy for one in each)))
    assert macs.mean == pytest.approx(np.mean([one.average_macs for one in each]))
    assert accuracy.what == "range of 2 seeds"


def test_records_that_do_not_go_together_are_refused(records: list[Record]) -> None:
    other = records[-1].about.model_copy(update={"blocks": [1, 2]})
    with pytest.raises(BadInput, match="1-sequential is of other exits than 0-joint"):
        networks_of([*records[:-1], replace(records[-1], about=other)])
    made_of = records[-1].about.made_of.model_copy(update={"settings": {"granularity": "filter"}})
    other = records[-1].about.model_copy(update={"made_of": made_of})
    with pytest.raises(BadInput, match="1-sequential is of other settings than 0-sequential"):
        networks_of([*records[:-1], replace(records[-1], about=other)])
