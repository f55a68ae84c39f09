"""Random."""

from __future__ import annotations

import torch

from exitprune.jobs.seeding import generator
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.pruning.criteria.random import Random
from tests.conftest import Build
from tests.pruning.contexts import a_context


def test_scores_do_not_depend_on_the_weights(network: EarlyExitNetwork) -> None:
    before = Random().score(a_context(network, ["fc"], generator=generator(1)))["fc"]
    torch.nn.init.zeros_(network.base.fc.weight)
    assert torch.equal(Random().score(a_context(network, ["fc"], generator=generator(1)))["fc"], before)


def test_another_round_draws_other_scores(network: EarlyExitNetwork) -> None:
    first, second = (
        Random().score(a_context(network, ["fc"], generator=generator(0, "joint", k)))["fc"] for k in (1, 2)
    )
    assert not torch.equal(first, second)


def test_a_number_is_drawn_for_each_filter(build: Build) -> None:
    network = build(8, (1, 2))
    one = a_context(network, granularity="filter", criterion="random")
    scores = Random().score(one)
    assert {name: score.shape for name, score in scores.items()} == {
        name: unit.shape for name, unit in one.units.items()
    }
    assert one.granularity.unit_scores(network, scores, one.masks).keys() == one.units.keys()


def test_scores_that_are_asked_for_on_the_way_draw_nothing_for_the_round(network: EarlyExitNetwork) -> None:
    context = a_context(network, criterion="random")
    before = context.generator.get_state()
    first, second = context.scores(), context.scores()
    assert all(torch.equal(first[name], second[name]) for name in context.names)
    assert torch.equal(context.generator.get_state(), before)
