"""Taylor."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.pruning.criteria import taylor
from exitprune.training.losses import exit_loss


def some_batches() -> list[tuple[Tensor, Tensor]]:
    draw = torch.Generator().manual_seed(5)
    return [(torch.randn(6, 1, 8, 8, generator=draw), torch.randint(0, 4, (6,), generator=draw)) for _ in range(3)]


def test_the_score_is_the_squared_weight_times_the_summed_gradient(network: EarlyExitNetwork) -> None:
    data = some_batches()
    scores = taylor.score(network, ["b1.c2", "exit1"], data, torch.Generator())
    network.eval()
    sum(exit_loss(network(x), y) for x, y in data).backward()  # type: ignore[union-attr]
    for name, layer in network.named_layers().items():
        if name in scores:
            weight = layer.get_parameter("weight")
            assert weight.grad is not None
            torch.testing.assert_close(scores[name], (weight * weight.grad).square().detach())
    assert list(scores) == ["b1.c2", "exit1"]


def test_the_root_of_the_score_predicts_how_the_loss_moves(network: EarlyExitNetwork) -> None:
    network.double().eval()
    x, y = some_batches()[0]
    x = x.double()

    @torch.no_grad()
    def loss() -> float:
        return sum(float(F.cross_entropy(logits, y)) for logits in network(x))

    score = taylor.score(network, ["fc"], [(x, y)], torch.Generator())["fc"]
    largest = int(score.argmax())
    before, step = loss(), 1e-4
    network.base.fc.weight.data.view(-1)[largest] *= 1 - step
    moved = abs(loss() - before) / step
    assert moved == pytest.approx(float(score.max().sqrt()), rel=1e-3)


def test_a_frozen_weight_is_scored_too(network: EarlyExitNetwork) -> None:
    network.base.requires_grad_(False)
    assert (taylor.score(network, ["stem"], some_batches(), torch.Generator())["stem"] > 0).any()


def test_without_batches_it_refuses_to_score(network: EarlyExitNetwork) -> None:
    with pytest.raises(ValueError, match="no batches"):
        taylor.score(network, ["b1.c2"], [], torch.Generator())
