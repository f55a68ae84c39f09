"""The early-exit network: its exits see what the base network computes, for every group alike."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor, nn

from exitprune.networks.early_exit import EarlyExitNetwork, Spec, group_of
from exitprune.networks.exit_head import ExitHead
from exitprune.networks.map_shapes import map_shapes
from tests.conftest import Build


@pytest.fixture
def x() -> Tensor:
    """Five images."""
    return torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(3))


@torch.no_grad()
def test_the_groups_agree_with_each_other(network: EarlyExitNetwork, x: Tensor) -> None:
    network.eval()
    every = network(x)
    assert every.shape == (3, 5, 4)
    assert torch.equal(network(x, "exits"), every[:-1])
    assert torch.equal(network(x, "base"), every[-1:])
    assert torch.equal(network.base(x), every[-1])


@torch.no_grad()
def test_each_exit_classifies_the_map_after_its_block(network: EarlyExitNetwork, x: Tensor) -> None:
    network.eval()
    early = []
    features = network.base.stem(x)
    for index, block in enumerate(network.base.blocks, 1):
        features = block(features)
        if index in (1, 2):
            head = network.exits[index - 1]
            assert isinstance(head, ExitHead)
            pooled = nn.AdaptiveAvgPool2d(4)(features).reshape(5, -1)
            early.append(pooled @ head.fc.weight.T + head.fc.bias)
    torch.testing.assert_close(network(x)[:-1], torch.stack(early))


def test_training_the_exits_sends_no_gradient_to_the_base(network: EarlyExitNetwork, x: Tensor) -> None:
    network(x, "exits").sum().backward()
    assert all(parameter.grad is None for parameter in network.base.parameters())
    assert all(parameter.grad is not None for parameter in network.exits.parameters())


def test_training_all_sends_gradient_to_every_parameter(network: EarlyExitNetwork, x: Tensor) -> None:
    network(x).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize(
    ("pool", "grid"), [(1, (1, 1)), (2, (2, 2)), (4, (4, 4)), (8, (7, 5)), (None, (7, 5))], ids=str
)
def test_a_head_never_pools_beyond_its_map(pool: int | None, grid: tuple[int, int]) -> None:
    head = ExitHead(channels=3, height=7, width=5, pool=pool, num_classes=2)
    assert head.grid == grid
    assert head.fc.in_features == 3 * grid[0] * grid[1]
    assert head(torch.zeros(2, 3, 7, 5)).shape == (2, 2)


@torch.no_grad()
def test_a_head_averages_the_cells_of_its_grid() -> None:
    head = ExitHead(channels=1, height=4, width=4, pool=2, num_classes=4)
    head.fc.weight.copy_(torch.eye(4))
    head.fc.bias.zero_()
    quarters = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).repeat_interleave(2, 0).repeat_interleave(2, 1)
    assert head(quarters[None, None]).tolist() == [[1.0, 2.0, 3.0, 4.0]]


@pytest.mark.parametrize("side", [8, 28, 32])
@pytest.mark.parametrize("pool", [1, 4, None])
@torch.no_grad()
def test_the_heads_fit_the_maps_they_get(build: Build, side: int, pool: int | None) -> None:
    network = build(20, (3, 6, 8), pool=pool, side=side)
    maps, _ = network.features(torch.zeros(1, 1, side, side))
    assert [tuple(map_.shape[1:]) for map_ in maps] == map_shapes(network.spec)
    assert network(torch.zeros(1, 1, side, side)).shape == (4, 1, 4)


def test_layers_come_in_order_of_execution(build: Build) -> None:
    network = build(20, (3, 5, 8))
    called: list[str] = []
    for name, layer in network.named_layers().items():
        layer.register_forward_hook(lambda *_, name=name: called.append(name))
    x = network.base.stem(torch.zeros(2, 1, 8, 8))
    for index, block in enumerate(network.base.blocks, 1):
        x = block(x)
        if index in network.spec.exits:
            network.exits[network.spec.exits.index(index)](x)
    network.base.classify(x)
    assert called == list(network.named_layers())


def test_base_and_exits_divide_the_layers_between_them(network: EarlyExitNetwork) -> None:
    base, exits = list(network.named_layers("base")), list(network.named_layers("exits"))
    assert exits == ["exit0", "exit1"]
    assert sorted(base + exits) == sorted(network.named_layers("all"))
    assert {group_of(name) for name in base} == {"base"}
    assert "fc" in base


def test_every_convolution_and_linear_layer_is_prunable(network: EarlyExitNetwork) -> None:
    every = {id(module) for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    assert {id(layer) for layer in network.named_layers().values()} == every


def test_a_spec_survives_json() -> None:
    spec = Spec("resnet", {"depth": 8}, 3, 32, 28, 10, (1, 2), None)
    told = json.loads(json.dumps(spec.as_dict()))
    assert Spec.from_dict(told) == spec
