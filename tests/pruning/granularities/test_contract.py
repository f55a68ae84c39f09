"""The contract of every granularity, walked by folder."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from exitprune.config.choice import make
from exitprune.networks.early_exit import EarlyExitNetwork, Group
from exitprune.networks.masks import full_masks, weights
from exitprune.variants import names_of

walk = pytest.mark.parametrize("granularity", names_of("granularities"))


def of_group(network: EarlyExitNetwork, values: dict[str, Tensor], group: Group) -> dict[str, Tensor]:
    return {name: values[name] for name in network.named_layers(group)}


@walk
@pytest.mark.parametrize("group", ["all", "base", "exits"])
def test_scores_and_masks_are_of_the_same_units(granularity: str, group: Group, network: EarlyExitNetwork) -> None:
    kind = make("granularities", granularity, {})
    scores = {name: weight.abs() for name, weight in weights(network, group).items()}
    units = kind.unit_masks(network, of_group(network, full_masks(network), group))
    unit_scores = kind.unit_scores(network, scores, full_masks(network))
    assert list(units) == list(unit_scores)
    for name in units:
        assert units[name].dtype == torch.bool
        assert units[name].shape == unit_scores[name].shape


@walk
def test_units_that_stay_keep_every_weight_and_units_that_go_keep_none(
    granularity: str, network: EarlyExitNetwork
) -> None:
    kind = make("granularities", granularity, {})
    masks = full_masks(network)
    units = kind.unit_masks(network, masks)
    untouched = kind.weight_masks(network, masks, units)
    assert all(torch.equal(untouched[name], masks[name]) for name in masks)
    draw = torch.Generator().manual_seed(0)
    some = {name: torch.rand(unit.shape, generator=draw) < 0.5 for name, unit in units.items()}
    after = kind.weight_masks(network, masks, some)
    assert list(after) == list(masks)
    seen = kind.unit_masks(network, after)
    assert all(torch.equal(seen[name], some[name]) for name in some)


@walk
def test_nothing_given_is_changed(granularity: str, network: EarlyExitNetwork) -> None:
    kind = make("granularities", granularity, {})
    masks = full_masks(network)
    none = {name: torch.zeros_like(unit) for name, unit in kind.unit_masks(network, masks).items()}
    kind.weight_masks(network, masks, none)
    assert all(mask.all() for mask in masks.values())
