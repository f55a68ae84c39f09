"""FORCE, iterative SNIP and GraSP-It, each held against a replay of its paper's loop that uses torch alone, bit for bit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from exitprune.config.choice import make
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, full_masks, num_kept, weights
from exitprune.pruning.rounds import Chooser, apply_
from tests.pruning.contexts import a_context, pruning

ROUNDS, KEPT = 5, 0.1
Loss = Callable[[Tensor, Tensor], Tensor]


def ours(name: str, network: EarlyExitNetwork, batch: tuple[Tensor, Tensor]) -> list[Masks]:
    """The masks after each round of a recipe that trains in none."""
    chooser = Chooser.of(pruning(criterion=name))
    dense = {layer: weight.detach().clone() for layer, weight in weights(network).items()}
    criterion, masks, found = make("criteria", name, {}), full_masks(network), []
    for share in make("schedules", "geometric", {}).kept_shares(ROUNDS, 1 - KEPT):
        context = replace(a_context(network, batches=[batch]), masks=masks, dense=lambda: dense)
        after = chooser.choose(network, masks, "all", share, criterion.score(context))
        apply_(network, masks, after, lambda: dense)
        masks = after
        found.append(masks)
    return found


def replay(
    network: EarlyExitNetwork, batch: tuple[Tensor, Tensor], rule: str, loss_of: Loss = F.cross_entropy
) -> list[Tensor]:
    """The same of the paper's loop, as one vector a round: score the masked network, keep the highest, start from the copy."""
    found, layers = [], list(network.named_layers())
    dense = copy.deepcopy(network)
    mask = torch.ones(sum(weight.numel() for weight in weights(dense).values()), dtype=torch.bool)
    for step in range(1, ROUNDS + 1):
        net = copy.deepcopy(dense).train()
        sizes = [weight.numel() for weight in weights(net).values()]
        for layer, part in zip(layers, torch.split(mask, sizes), strict=True):
            weights(net)[layer].data *= part.reshape(weights(net)[layer].shape)
        logits = net(batch[0])
        torch.autograd.backward(torch.stack([loss_of(exit_, batch[1]) for exit_ in logits]).sum())
        gradient = torch.cat([weights(net)[layer].grad.flatten() for layer in layers])  # type: ignore[union-attr]
        weight = torch.cat([weights(dense)[layer].detach().flatten() for layer in layers])
        score = gradient.square() if rule == "grasp_it" else (weight * gradient).abs()
        if rule != "force":
            score[~mask] = -1
        mask = torch.zeros_like(mask)
        mask[score.topk(round(KEPT ** (step / ROUNDS) * len(score))).indices] = True
        found.append(mask)
    return found


def flat(masks: Masks) -> Tensor:
    return torch.cat([mask.flatten() for mask in masks.values()])


@pytest.mark.parametrize("name", ["force", "snip", "grasp_it"])
def test_every_round_keeps_the_weights_that_the_papers_loop_keeps(
    name: str, network: EarlyExitNetwork, images: Images
) -> None:
    batch = (images.normalise(images.pixels), images.labels)
    theirs = replay(copy.deepcopy(network), batch, name)
    for mine, their in zip(ours(name, network, batch), theirs, strict=True):
        assert torch.equal(flat(mine), their)


def test_what_was_gone_comes_back_with_its_first_value(network: EarlyExitNetwork, images: Images) -> None:
    dense = {name: weight.detach().clone() for name, weight in weights(network).items()}
    levels = [flat(masks) for masks in ours("force", network, (images.normalise(images.pixels), images.labels))]
    assert any((later & ~earlier).any() for earlier, later in pairwise(levels))
    for name, weight in weights(network).items():
        kept = weight != 0
        assert torch.equal(weight[kept], dense[name][kept])
    assert int(levels[-1].sum()) == round(KEPT * len(levels[-1]))


def test_the_loss_of_the_published_code_would_keep_others(network: EarlyExitNetwork, images: Images) -> None:
    """It takes logits for logarithms of probabilities."""
    batch = (images.normalise(images.pixels), images.labels)
    right, wrong = (replay(network, batch, "force", loss)[-1] for loss in (F.cross_entropy, F.nll_loss))
    assert (right & wrong).sum() < 0.9 * right.sum()


def test_a_floor_keeps_its_share_of_every_layer() -> None:
    scores = {"low": torch.arange(200.0), "high": 1000 + torch.arange(200.0)}
    full = {name: torch.ones(200, dtype=torch.bool) for name in scores}
    chosen = make("scopes", "global", {"floor": 0.01}).choose(scores, full, 300)
    assert {name: num_kept(chosen, [name]) for name in scores} == {"low": 2, "high": 98}
    assert chosen["low"][-2:].all()
    one = make("scopes", "global", {"floor": 1e-9}).choose(scores, full, 300)
    assert num_kept(one, ["low"]) == 1
