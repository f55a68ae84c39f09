"""EPI: similarities by hand, when it fires, and that being asked changes nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.pruning.criteria import Context
from exitprune.pruning.starts.epi import Epi, similarity
from tests.pruning.contexts import a_context


def widths(*numbers: int) -> dict[str, Tensor]:
    return {f"layer {n}": torch.tensor(number) for n, number in enumerate(numbers)}


def keeping(network: EarlyExitNetwork, *numbers: int) -> Context:
    """A context in which the criterion would leave so many filters in each block."""
    context = a_context(network, granularity="filter", criterion="filter_norm")
    units = {
        name: torch.arange(len(unit)) < number
        for (name, unit), number in zip(context.units.items(), numbers, strict=True)
    }
    return replace(context, plan=lambda scores: context.without(units))


def test_similarity_by_hand() -> None:
    assert similarity(widths(4, 6), widths(4, 6)) == 1
    assert similarity(widths(4, 6), widths(2, 6)) == pytest.approx(1 - (2 / 6 + 0) / 2)
    assert similarity(widths(4, 0), widths(0, 0)) == pytest.approx(1 - (1 + 0) / 2)


def test_the_indicator_is_the_mean_similarity_to_the_epochs_before(network: EarlyExitNetwork) -> None:
    start = Epi(window=2)
    for epoch, numbers in enumerate([(8, 8, 8), (8, 8, 4), (8, 4, 4), (8, 4, 4)]):
        start.now(keeping(network, *numbers), epoch)
    third = 1 / 3
    assert start.indicator(0) == 0
    assert start.indicator(1) == pytest.approx(1 - third / 3)
    assert start.indicator(2) == pytest.approx((1 - third / 3 + 1 - 2 * third / 3) / 2)
    assert start.indicator(3) == pytest.approx((1 + 1 - third / 3) / 2)


def test_a_ranking_that_never_changes_fires_in_the_first_epoch_allowed(network: EarlyExitNetwork) -> None:
    start = Epi()
    assert [start.now(keeping(network, 8, 16, 32), epoch) for epoch in range(7)] == [False] * 5 + [True] * 2
    early = Epi(earliest=2)
    assert [early.now(keeping(network, 8, 16, 32), epoch) for epoch in range(4)] == [False, False, True, True]


def test_it_waits_for_tau_and_for_the_indicator_to_stop_falling(network: EarlyExitNetwork) -> None:
    strict, falling = Epi(tau=0.999, earliest=1), Epi(tau=0.5, earliest=3)
    numbers = [8, 8, 8, 7, 8, 7, 8, 8, 8, 8, 8, 8, 8]
    said = [strict.now(keeping(network, n, 16, 32), epoch) for epoch, n in enumerate(numbers)]
    assert said.index(True) == 1
    assert said[2:] == [True] + [False] * 8 + [True] * 2
    assert not falling.now(keeping(network, 8, 16, 32), 2)
    assert not [falling.now(keeping(network, 8 - n, 16, 32), 3 + n) for n in range(3)][2]


@pytest.mark.parametrize("killed_after", range(12))
def test_killed_after_any_epoch_it_says_what_it_would_have_said(network: EarlyExitNetwork, killed_after: int) -> None:
    numbers = [8, 8, 8, 7, 8, 7, 8, 8, 8, 8, 8, 8, 8]  # as above: every answer depends on five epochs before
    whole, first, second = (Epi(tau=0.999, earliest=1) for _ in range(3))
    said = [whole.now(keeping(network, n, 16, 32), epoch) for epoch, n in enumerate(numbers)]
    for epoch, number in enumerate(numbers[: killed_after + 1]):
        first.now(keeping(network, number, 16, 32), epoch)
    second.load_state_dict(first.state_dict())
    left = list(enumerate(numbers))[killed_after + 1 :]
    assert [second.now(keeping(network, n, 16, 32), epoch) for epoch, n in left] == said[killed_after + 1 :]


def test_asked_twice_it_says_the_same_and_remembers_the_same(network: EarlyExitNetwork) -> None:
    once, twice = Epi(), Epi()
    for epoch in range(7):
        context = keeping(network, 8, 16, 32 - epoch % 2)
        first = once.now(context, epoch)
        assert [twice.now(context, epoch) for _ in range(3)] == [first] * 3
    assert once.state_dict().keys() == twice.state_dict().keys()
    assert all(torch.equal(value, once.state_dict()[key]) for key, value in twice.state_dict().items())


def test_it_ranks_by_the_recipes_criterion(network: EarlyExitNetwork) -> None:
    context = a_context(network, granularity="filter", criterion="filter_norm")
    start = Epi()
    start.now(context, 1)
    kept = context.plan(context.scores())
    expected = {name: int(kept[name].flatten(1).any(1).sum()) for name in ("b1.c1", "b2.c1", "b3.c1")}
    assert {key.partition(":")[2]: int(value) for key, value in start.state_dict().items()} == expected
    filters = [weights(network)[name].detach().flatten(1) for name in expected]
    norms = torch.cat([one.norm(dim=1) / one.shape[1] ** 0.5 for one in filters])
    assert sum(expected.values()) == len(norms) // 2
    stays = torch.cat([kept[name].flatten(1).any(1) for name in expected])
    assert norms[stays].min() >= norms[~stays].max()
