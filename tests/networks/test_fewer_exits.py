from __future__ import annotations

from itertools import combinations

import pytest
import torch

from exitprune.networks.checkpoints import Checkpoint
from exitprune.networks.cost import exit_costs, layer_costs
from exitprune.networks.fewer_exits import keep_exits
from exitprune.networks.masks import apply_masks_, num_kept, weights
from tests.as_if_trained import enliven_
from tests.conftest import make_network


@pytest.fixture(scope="module")
def level() -> Checkpoint:
    network = enliven_(make_network(depth=14, exits=(1, 3, 5)))
    draw = torch.Generator().manual_seed(0)
    masks = {name: torch.rand(w.shape, generator=draw) < 0.5 for name, w in weights(network).items()}
    apply_masks_(network, masks)
    return Checkpoint(network.eval(), masks, {"seed": 0})


@pytest.mark.parametrize("kept", [part for size in range(4) for part in combinations(range(3), size)], ids=str)
def test_what_is_left_answers_and_costs_what_it_did(level: Checkpoint, kept: tuple[int, ...]) -> None:
    smaller = keep_exits(level, kept)
    x = torch.randn(5, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(smaller.network(x), level.network(x)[[*kept, 3]], rtol=0, atol=0)
    assert smaller.network.spec.exits == tuple((1, 3, 5)[number] for number in kept)
    assert set(smaller.masks) == set(smaller.network.named_layers())
    whole, costs = exit_costs(level.network, level.masks), exit_costs(smaller.network, smaller.masks)
    for cost, number in zip(costs, [*kept, 3], strict=True):
        dropped = [f"exit{other}" for other in range(number) if other not in kept]
        assert cost.macs == whole[number].macs - num_kept(level.masks, dropped)


def test_a_head_costs_the_weights_it_has_left(level: Checkpoint) -> None:
    for layer in layer_costs(level.network, level.masks):
        if layer.name.startswith("exit"):
            assert layer.macs == layer.kept


@pytest.mark.parametrize("kept", [(0, 3), (1, 0), (1, 1), (-1,)], ids=str)
def test_exits_that_are_not_there_are_refused(level: Checkpoint, kept: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="from 0 to 2"):
        keep_exits(level, kept)
