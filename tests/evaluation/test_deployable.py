"""The one to deploy is the one that trying every candidate finds, and test images have no say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from exitprune.errors import BadInput
from exitprune.evaluation.deployable import Candidate, Limit, Network, Times, choose, networks_of, over_seeds
from exitprune.evaluation.outcome import outcome_of
from exitprune.evaluation.records import Outcomes, Record, read_record
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


def timed(networks: list[Network]) -> dict[str, list[Times]]:
    """Two runtimes for every network but the last: one fast where much is done, one where little is."""
    times = {}
    for place, network in enumerate(networks[:-1]):
        most = float(network.outcomes["test"].macs.max())
        points = [0.2 * most, 0.6 * most, most]
        times[network.weights_sha256] = [
            Times("steady", 64, 1, "an abacus", points, [0.4 + 0.01 * place, 0.5, 0.6]),
            Times("keen", 64, 1, "an abacus", points, [0.1, 0.5 + 0.01 * place, 0.9]),
        ]
    return times


def tried(
    networks: list[Network], limit: Limit, times: dict[str, list[Times]]
) -> list[tuple[tuple[float, ...], tuple[str, str]]]:
    """Key and kind of every candidate that keeps the limit, best first: all thresholds of all subsets of all networks."""
    found = []
    for network in networks:
        validation = network.outcomes["validation"]
        full = np.broadcast_to(validation.macs, validation.confidence.shape)
        for kept in subsets(len(network.heads)):
            rows = [*kept, len(network.heads)]
            dropped = [
                sum(network.heads[e] for e in range(len(network.heads)) if e < row and e not in kept) for row in rows
            ]
            macs = full[rows] - np.array(dropped)[:, None]
            part = Outcomes(validation.confidence[rows], validation.correct[rows], macs)
            for threshold in [1.0, 0.0, *np.unique(part.confidence[:-1]).tolist()]:
                got = outcome_of(part, threshold)
                for one in times.get(network.weights_sha256, []) if limit.in_time else [None]:
                    cost = got.average_macs if one is None else float(one.at(np.array(got.average_macs)))
                    lost = network.baseline / len(part.correct[0]) - got.accuracy
                    if (lost if limit.what == "accuracy_lost" else cost) <= limit.value + 1e-12:
                        key = (cost, -got.accuracy) if limit.what == "accuracy_lost" else (-got.accuracy, cost)
                        found.append(((*key, got.average_macs), (network.recipe, network.state)))
    return sorted(found)


@pytest.mark.parametrize(
    "limit",
    [
        Limit("macs", 2e6),
        Limit("macs", 1e7),
        Limit("accuracy_lost", 0.05),
        Limit("accuracy_lost", 0.0),
        Limit("milliseconds", 0.45),
        Limit("accuracy_lost", 0.1, by_time=True),
    ],
    ids=str,
)
def test_the_choice_is_that_of_trying_every_candidate(networks: list[Network], limit: Limit) -> None:
    few = [of_few_images(one) for one in networks if one.state != "final" and one.seed == 0]
    times = timed(few)
    answer = choose(few, limit, times)
    expected = tried(few, limit, times)
    got, network = answer.best.network.outcome("validation", answer.best.point), answer.best.network
    cost = answer.best.milliseconds(got.average_macs) if limit.in_time else got.average_macs
    key = (cost, -got.accuracy) if limit.what == "accuracy_lost" else (-got.accuracy, cost)
    assert answer.meets
    assert (*key, got.average_macs) == pytest.approx(expected[0][0], rel=1e-9)
    assert (network.recipe, network.state) == expected[0][1]
    assert answer.runner_up is not None
    assert answer.runner_up.kind == next(kind for _, kind in expected if kind != expected[0][1])


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
    fronts = [one.front for one in hard]
    if what == "macs":
        assert answer.best.point.macs == min(f.total_macs[0] / f.num_images for f in fronts)
    else:
        assert answer.best.point.accuracy == max(f.num_correct[-1] / f.num_images for f in fronts)


def test_only_what_was_timed_is_chosen_by_time(networks: list[Network]) -> None:
    times = {networks[2].weights_sha256: timed(networks)[networks[2].weights_sha256]}
    assert choose(networks, Limit("milliseconds", 10), times).best.network is networks[2]
    with pytest.raises(ValueError, match="timed"):
        choose(networks, Limit("milliseconds", 10), {})


def test_time_follows_a_straight_line_and_never_leaves_what_was_measured() -> None:
    times = Times("keen", 64, 1, "an abacus", [1e6, 2e6, 4e6], [0.1, 0.3, 0.2])
    assert times.at(np.array([0.0, 1e6, 1.5e6, 3e6, 9e6])).tolist() == pytest.approx([0.1, 0.1, 0.2, 0.3, 0.3])


def test_heads_cost_what_is_left_of_their_weights(records: list[Record], networks: list[Network]) -> None:
    layers = {layer.layer: layer for layer in records[0].about.layers}
    for network in networks[:3]:
        heads = [layers[f"exit{number}"] for number in range(6)]
        assert network.heads == tuple(h.weights if network.state == "unpruned" else h.kept for h in heads)


def test_numbers_over_seeds_are_of_the_same_recipe_exits_and_threshold(networks: list[Network]) -> None:
    like = [one for one in networks if (one.recipe, one.state) == ("joint", "recovered")]
    point = Point((0, 3), 0.6, 0.0, 0.0)
    accuracy, macs = over_seeds(Candidate(like[0], point, None), networks, 0.95)
    each = [one.outcome("test", point) for one in like]
    assert accuracy.mean == pytest.approx(np.mean([one.accuracy for one in each]))
    assert (accuracy.low, accuracy.high) == pytest.approx(tuple(sorted(one.accuracy for one in each)))
    assert macs.mean == pytest.approx(np.mean([one.average_macs for one in each]))
    assert accuracy.what == "range of 2 seeds"


def test_records_that_do_not_go_together_are_refused(records: list[Record]) -> None:
    other = records[-1].about.model_copy(update={"blocks": [1, 2]})
    with pytest.raises(BadInput, match="1-sequential is of other exits than 0-joint"):
        networks_of([*records[:-1], replace(records[-1], about=other)])
    made_of = records[-1].about.made_of.model_copy(update={"settings": {}})
    other = records[-1].about.model_copy(update={"made_of": made_of})
    with pytest.raises(BadInput, match="1-sequential is of other settings than 0-sequential"):
        networks_of([*records[:-1], replace(records[-1], about=other)])
