"""Gates: they multiply where they should, and are taken out exactly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.gates import behind, gated, of_branches, of_filters
from tests.as_if_trained import enliven_
from tests.conftest import Build


def images(num: int = 5) -> Tensor:
    return torch.randn(num, 1, 8, 8, generator=torch.Generator().manual_seed(2))


def hooks(network: EarlyExitNetwork) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


@pytest.mark.parametrize("of", [of_filters, of_branches])
@torch.no_grad()
def test_gates_that_are_all_one_change_no_bit_and_are_gone_afterwards(network: EarlyExitNetwork, of: object) -> None:
    enliven_(network)
    network.eval()
    places = of(network)  # type: ignore[operator]
    before, names = network(images()), list(network.state_dict())
    with gated(places, lambda name, x: torch.ones(len(x), places[name].size)):
        assert hooks(network) == 2 * len(places)
        assert torch.equal(network(images()), before)
    assert hooks(network) == 0
    assert torch.equal(network(images()), before)
    assert list(network.state_dict()) == names


def test_they_are_gone_after_an_error_too(network: EarlyExitNetwork) -> None:
    with pytest.raises(RuntimeError, match="in the middle"), gated(of_filters(network), lambda name, x: x):
        raise RuntimeError("in the middle")
    assert hooks(network) == 0


@torch.no_grad()
def test_a_gate_sees_the_input_of_its_layer_and_closes_a_filter_for_one_image_alone(network: EarlyExitNetwork) -> None:
    enliven_(network)
    network.eval()
    block, seen = network.base.blocks[1], {}

    def gate(name: str, x: Tensor) -> Tensor:
        seen[name] = x
        factors = torch.ones(len(x), {"b1.c1": 16, "b2.c1": 32, "b3.c1": 64}[name])
        if name == "b2.c1":
            factors[2, 7] = 0
        return factors

    before, (maps, _) = network(images()), network.features(images())
    with gated(of_filters(network), gate):
        after = network(images())
    assert torch.equal(seen["b2.c1"], maps[0])
    others = [0, 1, 3, 4]
    assert torch.equal(after[:, others], before[:, others])
    assert torch.equal(after[0], before[0])
    assert not torch.equal(after[1, 2], before[1, 2])
    inner = torch.relu(block.bn1(block.c1(maps[0][2:3])))
    inner[:, 7] = 0
    shortcut = block.bn_sc(block.sc(maps[0][2:3]))
    expected = torch.relu(block.bn2(block.c2(inner)) + shortcut)
    torch.testing.assert_close(network.exits[1](expected), after[1, 2:3])


def test_behind_a_layer_is_its_batch_norm_and_a_branch_counts_where_the_shape_stays(build: Build) -> None:
    network = build(14, (2, 4))
    after, blocks = behind(network), network.base.blocks
    assert after["b3.c2"] is blocks[2].bn2
    assert after["b3.sc"] is blocks[2].bn_sc
    assert after["fc"] is network.base.fc
    places = of_branches(network)
    assert list(places) == ["b1.c1", "b2.c1", "b4.c1", "b6.c1"]
    assert places["b4.c1"].sees is blocks[3].c1
    assert places["b4.c1"].multiplies is blocks[3].bn2
