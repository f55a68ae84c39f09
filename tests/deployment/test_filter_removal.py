"""Filter removal: the network gets smaller, computes the same, and can be trained on; `removal` is the oracle."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from exitprune.config.choice import make
from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.deployment.filter_removal import remove_filters
from exitprune.deployment.folding import fold
from exitprune.deployment.removal import remove_dead_channels
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import apply_masks_, full_masks
from exitprune.training.loop import train_
from tests.as_if_trained import enliven_, noise
from tests.conftest import Build
from tests.taken_apart import conv


def without_filters_(network: EarlyExitNetwork, share: float, seed: int = 0) -> EarlyExitNetwork:
    """The network with a share of the filters inside every block set to zero."""
    filters = make("granularities", "filter", {})
    draw = torch.Generator().manual_seed(seed)
    masks = full_masks(network)
    units = filters.unit_masks(network, masks)
    chosen = {name: torch.rand(unit.shape, generator=draw) >= share for name, unit in units.items()}
    apply_masks_(network, filters.weight_masks(network, masks, chosen))
    return network


@pytest.mark.parametrize("share", [0.0, 0.3, 0.8, 1.0])
def test_the_smaller_network_computes_the_same(build: Build, share: float) -> None:
    network = without_filters_(enliven_(build(depth=14, exits=(1, 3, 5))), share).double().eval()
    smaller = remove_filters(network)
    images = noise(network, 6).double()
    with torch.no_grad():
        torch.testing.assert_close(smaller(images), network(images), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_as_many_filters_are_left_as_exact_removal_leaves(build: Build, share: float) -> None:
    network = without_filters_(enliven_(build(depth=20)), share)
    smaller = remove_dead_channels(fold(network))
    exact = [conv(smaller, f"b{number}.c1") for number in range(1, 10)]
    left = [layer.out_channels if layer is not None else 1 for layer in exact]
    assert [block.c1.out_channels for block in remove_filters(network).base.blocks] == left


def test_the_network_given_stays_as_it_was(build: Build) -> None:
    network = without_filters_(build(), 0.5)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    remove_filters(network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_streams_keep_their_width(build: Build) -> None:
    smaller = remove_filters(without_filters_(build(), 0.5))
    assert [block.c2.out_channels for block in smaller.base.blocks] == [16, 32, 64]
    assert [head.fc.in_features for head in smaller.heads.values()] == [16 * 16, 32 * 16]


def test_the_smaller_network_can_be_trained_on(build: Build, images: Images, brief: Training, augment: Augment) -> None:
    smaller = remove_filters(without_filters_(build(), 0.5))
    before = smaller.base.conv.weight.clone()
    train_(smaller, images, "all", brief, augment, 0, full_masks(smaller))
    assert not torch.equal(smaller.base.conv.weight, before)
    assert all(not isinstance(module, nn.BatchNorm2d) or module.training for module in smaller.modules())
