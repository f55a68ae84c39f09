"""Filters: which weights belong to one, and that the network does without those that go."""

from __future__ import annotations

import pytest
import torch

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import apply_masks_, full_masks, weights
from exitprune.pruning.granularities.filter import Filter
from tests.as_if_trained import enliven_, noise
from tests.conftest import Build

filters = Filter()


def test_a_filter_scores_the_mean_of_its_own_weights_and_of_those_that_read_it(network: EarlyExitNetwork) -> None:
    scores = {name: weight.detach().abs() for name, weight in weights(network).items()}
    unit = filters.unit_scores(network, scores, full_masks(network))["b2.c1"][5]
    both = torch.cat([scores["b2.c1"][5].flatten(), scores["b2.c2"][:, 5].flatten()])
    torch.testing.assert_close(unit, both.mean())


def test_every_block_has_as_many_units_as_its_first_convolution_has_filters(build: Build) -> None:
    network = build(depth=56, exits=(4, 8, 12, 16, 20, 24))
    units = filters.unit_masks(network, full_masks(network))
    assert [len(unit) for unit in units.values()] == [16] * 9 + [32] * 9 + [64] * 9


def test_heads_have_no_units(network: EarlyExitNetwork) -> None:
    masks = full_masks(network)
    exits = {name: masks[name] for name in network.named_layers("exits")}
    assert filters.unit_masks(network, exits) == {}
    assert filters.weight_masks(network, exits, {}) == exits


@pytest.mark.parametrize("kept", [0, 1, 7])
def test_weights_of_other_filters_and_layers_stay(network: EarlyExitNetwork, kept: int) -> None:
    masks = full_masks(network)
    units = {name: torch.arange(len(unit)) < kept for name, unit in filters.unit_masks(network, masks).items()}
    after = filters.weight_masks(network, masks, units)
    for number in range(1, len(network.base.blocks) + 1):
        assert after[f"b{number}.c1"][:kept].all()
        assert not after[f"b{number}.c1"][kept:].any()
        assert after[f"b{number}.c2"][:, :kept].all()
        assert not after[f"b{number}.c2"][:, kept:].any()
    assert all(after[name].all() for name in after if not name.endswith((".c1", ".c2")))


def test_what_a_gone_filter_would_have_yielded_reaches_nobody(build: Build) -> None:
    network = enliven_(build()).double()
    masks = full_masks(network)
    units = {name: torch.arange(len(unit)) % 2 == 0 for name, unit in filters.unit_masks(network, masks).items()}
    apply_masks_(network, filters.weight_masks(network, masks, units))
    images = noise(network, 4).double()
    with torch.no_grad():
        before = network(images)
        for block in network.base.blocks:
            block.bn1.bias[1::2] += 3  # of filters that went
        assert torch.equal(network(images), before)
