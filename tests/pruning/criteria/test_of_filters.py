"""Criteria that score filters: against what they are defined as, batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.pruning.criteria.filter_norm import FilterNorm
from exitprune.pruning.criteria.taylor_bn import TaylorBn
from exitprune.training.losses import exit_loss
from tests.pruning.contexts import a_context


def batches(num: int) -> list[tuple[Tensor, Tensor]]:
    draw = torch.Generator().manual_seed(5)
    return [(torch.randn(6, 1, 8, 8, generator=draw), torch.randint(0, 4, (6,), generator=draw)) for _ in range(num)]


def test_the_norm_of_a_filter_is_that_of_its_own_weights_over_the_root_of_how_many(network: EarlyExitNetwork) -> None:
    context = a_context(network, granularity="filter", criterion="filter_norm")
    scores = FilterNorm().score(context)
    assert {name: len(score) for name, score in scores.items()} == {"b1.c1": 16, "b2.c1": 32, "b3.c1": 64}
    weight = network.base.blocks[1].c1.weight.detach()
    torch.testing.assert_close(scores["b2.c1"][3], weight[3].norm() / (16 * 3 * 3) ** 0.5)


def test_the_gradient_score_is_absolute_per_batch_and_then_averaged(network: EarlyExitNetwork) -> None:
    data, norm = batches(3), network.base.blocks[1].bn1
    nn.init.normal_(norm.bias, generator=torch.Generator().manual_seed(1))
    context = a_context(network, batches=data, granularity="filter", criterion="taylor_bn")
    scores = TaylorBn().score(context)["b2.c1"]
    network.train()
    parts = []
    for images, labels in data:
        network.zero_grad()
        exit_loss(network(images), labels).backward()  # type: ignore[no-untyped-call]
        parts.append((norm.weight * norm.weight.grad + norm.bias * norm.bias.grad).detach())
    torch.testing.assert_close(scores, torch.stack(parts).abs().mean(0))
    assert not torch.allclose(scores, torch.stack(parts).mean(0).abs())
