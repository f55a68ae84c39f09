"""Cost against counts made by others: torch's FlopCounterMode, ptflops, and arithmetic on the shapes."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from ptflops import get_model_complexity_info
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from exitprune.networks.cost import ExitCost, exit_costs, layer_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, apply_masks_, full_masks, weights
from tests.conftest import Build

PAPERS_EXITS = (4, 8, 12, 16, 20, 24)
IMAGES = [(3, 32), (1, 28), (1, 8)]
POOLS = [1, 2, 4, 8, None]


@torch.no_grad()
def flops_to_exit(network: EarlyExitNetwork, exit_: int) -> int:
    """What torch counts while one image is computed up to an exit, all heads on the way included."""
    spec = network.spec
    network.eval()
    flops: list[int] = []
    with FlopCounterMode(display=False) as counter:

        def leave(head: nn.Module, x: Tensor) -> Tensor:
            head(x)
            flops.append(counter.get_total_flops())
            return x

        blank = torch.zeros(1, spec.channels, spec.height, spec.width)
        network.base.run(blank, {point: partial(leave, head) for point, head in network.heads.items()})
        flops.append(counter.get_total_flops())
    return flops[exit_]


def random_masks(network: EarlyExitNetwork, density: float, seed: int = 0) -> Masks:
    draw = torch.Generator().manual_seed(seed)
    return {name: torch.rand(w.shape, generator=draw) < density for name, w in weights(network).items()}


def test_resnet56_with_six_1x1_exits_takes_125_750_080_macs(build: Build) -> None:
    network = build(56, PAPERS_EXITS, pool=1, channels=3, side=32, num_classes=10)
    assert exit_costs(network, full_masks(network))[-1].macs == 125_750_080


@pytest.mark.parametrize(("channels", "side"), IMAGES, ids=str)
@pytest.mark.parametrize("pool", POOLS, ids=str)
def test_every_exit_costs_half_of_torchs_flops(build: Build, channels: int, side: int, pool: int | None) -> None:
    network = build(56, PAPERS_EXITS, pool, channels, side, num_classes=10)
    for cost in exit_costs(network, full_masks(network)):
        assert 2 * cost.macs == 2 * cost.macs_dense == flops_to_exit(network, cost.exit)


@pytest.mark.parametrize("depth", [8, 20, 56, 110])
def test_every_depth_costs_half_of_torchs_flops(build: Build, depth: int) -> None:
    num_blocks = (depth - 2) // 2
    network = build(depth, tuple(range(1, num_blocks)), pool=2, channels=3, side=16)  # an exit wherever one can be
    costs = exit_costs(network, full_masks(network))
    assert len(costs) == num_blocks
    for cost in (costs[0], costs[num_blocks // 2], costs[-1]):
        assert 2 * cost.macs == flops_to_exit(network, cost.exit)


def test_a_network_without_early_exits_costs_half_of_torchs_flops(build: Build) -> None:
    network = build(exits=())
    (cost,) = exit_costs(network, full_masks(network))
    assert 2 * cost.macs == flops_to_exit(network, 0)


@pytest.mark.parametrize(("channels", "side"), IMAGES, ids=str)
def test_ptflops_counts_the_same_apart_from_adding_biases(build: Build, channels: int, side: int) -> None:
    network = build(20, (3, 6), 4, channels, side, num_classes=10)
    theirs, params = get_model_complexity_info(
        network, (channels, side, side), as_strings=False, print_per_layer_stat=False, backend="aten"
    )
    cost = exit_costs(network, full_masks(network))[-1]
    num_biases = network.num_exits * 10  # ptflops counts the addition of a bias as one MAC
    assert theirs == cost.macs + num_biases
    assert params == cost.params == cost.params_dense


@pytest.mark.parametrize("density", [0.0, 0.2, 1.0])
def test_masked_macs_are_the_non_zero_weights_times_the_places_they_are_used_at(build: Build, density: float) -> None:
    network = build(20, (2, 4, 7), pool=4, channels=3, side=28)
    masks = random_masks(network, density)
    apply_masks_(network, masks)
    sides = {"stem": 28} | {f"b{index}": [28, 14, 7][(index - 1) // 3] for index in range(1, 10)}
    macs, expected = 0, []
    for name, weight in weights(network).items():
        positions = sides[name.split(".")[0]] ** 2 if weight.ndim == 4 else 1
        macs += int(torch.count_nonzero(weight)) * positions
        if weight.ndim == 2:
            expected.append(macs)
    assert [cost.macs for cost in exit_costs(network, masks)] == expected


def test_masked_params_are_the_numbers_that_are_not_zeroed(network: EarlyExitNetwork) -> None:
    masks = random_masks(network, 0.3)
    gone = sum(int((~mask).sum()) for mask in masks.values())
    last = exit_costs(network, masks)[-1]
    assert last.params_dense == sum(parameter.numel() for parameter in network.parameters())
    assert last.params == last.params_dense - gone


def test_params_of_an_exit_are_those_of_the_modules_passed(network: EarlyExitNetwork) -> None:
    base = network.base
    passed = [base.conv, base.bn, base.blocks[0], network.exits[0]]
    first = exit_costs(network, full_masks(network))[0]
    assert first.params == sum(p.numel() for module in passed for p in module.parameters())


@given(density=st.floats(0, 1), seed=st.integers(0, 99))
def test_cost_never_falls_from_exit_to_exit_nor_rises_with_zeros(build: Build, density: float, seed: int) -> None:
    network = build()
    costs = exit_costs(network, random_masks(network, density, seed))

    def is_sorted(values: list[int]) -> bool:
        return values == sorted(values)

    for field in ("macs", "macs_dense", "params", "params_dense"):
        assert is_sorted([getattr(cost, field) for cost in costs])
    assert all(cost.macs <= cost.macs_dense and cost.params <= cost.params_dense for cost in costs)


def test_the_heads_passed_are_part_of_the_cost(build: Build) -> None:
    with_, without = build(exits=(1, 2)), build(exits=(2,))
    head = with_.exits.get_parameter("0.fc.weight").numel()
    ours, fewer = (exit_costs(n, full_masks(n)) for n in (with_, without))
    assert [cost.macs - other.macs for cost, other in zip(ours[1:], fewer, strict=True)] == [head, head]


def test_one_weight_of_a_convolution_is_worth_its_output_positions(network: EarlyExitNetwork) -> None:
    masks = full_masks(network)
    dense = exit_costs(network, masks)[-1].macs
    masks["b2.c2"].view(-1)[0] = False  # its map has 4 x 4 places
    assert exit_costs(network, masks)[-1].macs == dense - 16


def test_layers_are_told_in_order_of_execution_with_the_first_exit_that_needs_them(
    network: EarlyExitNetwork,
) -> None:
    layers = layer_costs(network, full_masks(network))
    assert [layer.name for layer in layers] == list(network.named_layers())
    assert {layer.name: layer.exit for layer in layers if layer.name in ("stem", "exit0", "b2.c1", "fc")} == {
        "stem": 0,
        "exit0": 0,
        "b2.c1": 1,
        "fc": 2,
    }


def test_counting_leaves_the_network_as_it_was(network: EarlyExitNetwork) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.train()
    exit_costs(network, full_masks(network))
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_costs_are_whole_numbers(network: EarlyExitNetwork) -> None:
    for cost in exit_costs(network, random_masks(network, 0.5)):
        assert isinstance(cost, ExitCost)
        assert all(type(value) is int for value in vars(cost).values())
