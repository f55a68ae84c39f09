from __future__ import annotations

import pytest
import torch
from torch import nn

from exitprune.deployment.folding import fold, folded_base, folded_conv
from exitprune.networks.masks import weights
from tests.as_if_trained import empty_, enliven_, noise
from tests.conftest import Build


@pytest.mark.parametrize(("depth", "exits"), [(8, (1, 2)), (20, (1, 3, 4, 7)), (56, (4, 8, 12, 16, 20, 24))])
def test_a_folded_network_gives_the_same_logits_up_to_rounding(
    build: Build, depth: int, exits: tuple[int, ...]
) -> None:
    network = enliven_(build(depth=depth, exits=exits, channels=3, side=12))
    images = noise(network, 16)
    with torch.no_grad():
        wanted = network.double()(images.double())
        found = fold(network.float())(images)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-4)


def test_in_double_precision_folding_changes_nothing_that_can_be_seen(build: Build) -> None:
    network = enliven_(build(depth=20, exits=(1, 3, 4, 7))).double()
    images = noise(network, 16).double()
    with torch.no_grad():
        torch.testing.assert_close(fold(network)(images), network(images), rtol=1e-11, atol=1e-11)


def test_no_batch_norm_is_left_and_every_convolution_has_a_bias(build: Build) -> None:
    folded = fold(enliven_(build(depth=20)))
    assert not [module for module in folded.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(module.bias is not None for module in folded.modules() if isinstance(module, nn.Conv2d))


def test_the_network_that_was_folded_is_left_as_it_was(build: Build) -> None:
    network = enliven_(build())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fold(network)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_zeros_stay_exactly_zero(build: Build) -> None:
    network = empty_(enliven_(build(depth=20)))
    folded = weights(fold(network))
    assert all(torch.equal(weight == 0, folded[name] == 0) for name, weight in weights(network).items())


def test_layers_keep_their_names_and_order(build: Build) -> None:
    network = enliven_(build(depth=20))
    assert list(fold(network).named_layers()) == list(network.named_layers())


def test_a_network_with_batch_norm_has_no_folded_base(build: Build) -> None:
    with pytest.raises(ValueError, match="fold it first"):
        folded_base(build())


@pytest.mark.parametrize(("groups", "left"), [(1, 8), (1, 3), (2, 8), (4, 8), (8, 8), (8, 3)])
def test_a_convolution_keeps_its_groups_and_one_of_single_channels_has_those_that_are_left(
    groups: int, left: int
) -> None:
    conv = nn.Conv2d(8, 8, 3, groups=groups, padding=1)
    made = folded_conv(conv, conv.weight[:left], conv.bias[:left] if conv.bias is not None else None)
    images = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(made(images[:, : made.in_channels]), conv(images)[:, :left])


def test_a_network_that_trains_trains_on_after_it_was_folded(build: Build) -> None:
    network = enliven_(build()).train()
    network.base.fc.eval()
    folded = fold(network)
    assert [module for module in network.modules() if not module.training] == [network.base.fc]
    assert not any(module.training for module in folded.modules())
