from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from exitprune.deployment.folding import fold
from exitprune.deployment.removal import remove_dead_channels
from exitprune.networks.early_exit import EarlyExitNetwork
from tests.as_if_trained import empty_, enliven_, noise
from tests.conftest import Build
from tests.taken_apart import conv, tensors


def removed(network: EarlyExitNetwork) -> EarlyExitNetwork:
    return remove_dead_channels(fold(network))


def assert_same_logits(network: EarlyExitNetwork, smaller: EarlyExitNetwork) -> None:
    images = noise(network, 8).double()
    with torch.no_grad():
        torch.testing.assert_close(smaller.double()(images), network.double()(images), rtol=1e-11, atol=1e-11)


@pytest.fixture(scope="module")
def lively(build: Build) -> dict[int, EarlyExitNetwork]:
    """ResNet-14 with three exits in double precision, by the side of its images."""
    return {side: enliven_(build(depth=14, exits=(1, 3, 5), side=side)).double() for side in (8, 12)}


@given(seed=st.integers(0, 10**6), share=st.sampled_from([0.02, 0.3, 0.6, 0.95, 1.0]), side=st.sampled_from([8, 12]))
def test_whatever_is_empty_the_logits_stay(
    lively: dict[int, EarlyExitNetwork], seed: int, share: float, side: int
) -> None:
    network = empty_(deepcopy(lively[side]), seed, share)
    assert_same_logits(network, removed(network))


def test_in_single_precision_the_logits_stay_up_to_rounding(build: Build) -> None:
    network = empty_(enliven_(build(depth=56, exits=(4, 8, 12, 16, 20, 24), channels=3)))
    images = noise(network, 16)
    with torch.no_grad():
        torch.testing.assert_close(removed(network)(images), network(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shift", [-2.0, 2.0])
def test_a_filter_without_weights_goes_whatever_it_yields(build: Build, shift: float) -> None:
    network = enliven_(build()).double()
    block = network.base.blocks[1]
    with torch.no_grad():
        block.c1.weight[3] = 0
        block.bn1.running_mean.zero_()
        block.bn1.bias[3] = shift
    smaller = removed(network)
    left = conv(smaller, "b2.c1")
    assert left is not None
    assert left.out_channels == block.c1.out_channels - 1
    assert_same_logits(network, smaller)


def test_a_constant_that_is_seen_at_a_padded_border_becomes_a_map(build: Build) -> None:
    network = enliven_(build()).double()
    block = network.base.blocks[0]
    with torch.no_grad():
        block.c1.weight[3] = 0
        block.bn1.bias[3] = 5
    constant = tensors(removed(network), "add_constant")[1]
    assert constant.shape == (1, 16, 8, 8)
    assert not torch.allclose(constant[..., 0, 0], constant[..., 4, 4])


def test_a_channel_that_the_second_convolution_does_not_read_goes(build: Build) -> None:
    network = enliven_(build()).double()
    with torch.no_grad():
        network.base.blocks[1].c2.weight[:, [0, 5]] = 0
    smaller = removed(network)
    left = conv(smaller, "b2.c1")
    assert left is not None
    assert left.out_channels == 30
    assert not tensors(smaller, "add_constant")
    assert_same_logits(network, smaller)


@pytest.mark.parametrize("part", ["c1", "c2"])
@pytest.mark.parametrize("index", [0, 1])
def test_a_branch_without_weights_in_either_convolution_goes_whole(build: Build, part: str, index: int) -> None:
    network = enliven_(build()).double()
    with torch.no_grad():
        network.base.blocks[index].get_submodule(part).get_parameter("weight").zero_()
    smaller = removed(network)
    assert not {f"b{index + 1}.c1", f"b{index + 1}.c2"} & smaller.named_layers().keys()
    assert_same_logits(network, smaller)


def test_a_stream_channel_that_nobody_reads_goes_everywhere(build: Build) -> None:
    network = enliven_(build(depth=14, exits=(1, 3), pool=2)).double()
    with torch.no_grad():
        for index in (3, 4):  # the blocks that read the second stage's stream
            network.base.blocks[index].c1.weight[:, 7] = 0
        projection = network.base.blocks[4].sc
        assert projection is not None
        projection.weight[:, 7] = 0
        network.heads[3].fc.weight[:, 7 * 4 : 8 * 4] = 0
    smaller = removed(network)
    left = [conv(smaller, f"b{number}.c2") for number in range(1, 7)]
    assert [layer.out_channels for layer in left if layer is not None] == [16, 16, 31, 31, 64, 64]
    assert_same_logits(network, smaller)


def test_a_stream_channel_that_one_head_reads_stays(build: Build) -> None:
    network = enliven_(build(depth=8, exits=(2,), pool=2)).double()
    projection = network.base.blocks[2].sc
    assert projection is not None
    with torch.no_grad():
        projection.weight[:, 7] = 0
        network.base.blocks[2].c1.weight[:, 7] = 0
    smaller = removed(network)
    left = conv(smaller, "b2.c2")
    assert left is not None
    assert left.out_channels == 32


def test_a_network_with_all_its_weights_keeps_every_channel(build: Build) -> None:
    folded = fold(enliven_(build(depth=20)))
    shapes = {name: layer.get_parameter("weight").shape for name, layer in folded.named_layers().items()}
    smaller = remove_dead_channels(folded)
    assert {name: layer.get_parameter("weight").shape for name, layer in smaller.named_layers().items()} == shapes


def test_a_branch_that_reads_few_channels_takes_only_those(build: Build) -> None:
    network = enliven_(build()).double()
    with torch.no_grad():
        network.base.blocks[1].c1.weight[:, 3:] = 0
    smaller = removed(network)
    assert tensors(smaller, "pick")[2].tolist() == [0, 1, 2]
    left = conv(smaller, "b2.c1")
    assert left is not None
    assert left.in_channels == 3
    assert_same_logits(network, smaller)


def test_a_branch_that_writes_few_channels_adds_only_those(build: Build) -> None:
    network = enliven_(build()).double()
    with torch.no_grad():
        network.base.blocks[2].c2.weight[4:] = 0
    smaller = removed(network)
    assert tensors(smaller, "add_to")[3].tolist() == [0, 1, 2, 3]
    left = conv(smaller, "b3.c2")
    assert left is not None
    assert left.out_channels == 4
    assert_same_logits(network, smaller)


def test_picking_most_channels_is_not_worth_it(build: Build) -> None:
    network = enliven_(build())
    with torch.no_grad():
        network.base.blocks[1].c1.weight[:, :5] = 0
    smaller = removed(network)
    assert not tensors(smaller, "pick")
    left = conv(smaller, "b2.c1")
    assert left is not None
    assert left.in_channels == 16


def test_a_network_that_was_made_smaller_before_is_refused(build: Build) -> None:
    smaller = removed(empty_(enliven_(build(depth=14)), share=0.95))
    with pytest.raises(ValueError, match="taken out of this network before"):
        remove_dead_channels(smaller)


def test_a_network_with_batch_norm_is_refused(build: Build) -> None:
    with pytest.raises(ValueError, match="fold it first"):
        remove_dead_channels(build())
