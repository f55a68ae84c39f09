"""Pruning: from the masks of one level to those of the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from exitprune.early_exit import EarlyExitNetwork
from exitprune.masks import Masks, apply_masks_, num_kept
from exitprune.orders import Round
from exitprune.params import Prune
from exitprune.variants import variant


def plan(order: str, settings: Prune) -> list[tuple[Round, float]]:
    """The rounds of an order, each with the share of its group's weights that are kept after it."""
    rounds: Sequence[Round] = variant("orders", order).rounds(settings.rounds)
    shares = variant("schedules", settings.schedule).kept_shares(settings.rounds, settings.sparsity)
    seen: dict[str, int] = {}
    steps = []
    for round_ in rounds:
        position = seen.get(round_.prune, 0)
        steps.append((round_, shares[position]))
        seen[round_.prune] = position + 1
    return steps


def prune_(
    network: EarlyExitNetwork,
    masks: Mapping[str, Tensor],
    round_: Round,
    kept_share: float,
    settings: Prune,
    batches: Iterable[tuple[Tensor, Tensor]],
    generator: torch.Generator,
) -> Masks:
    """Prune the round's group and set the weights that go to zero.

    Args:
        network: changed in place.
        masks: of all layers, as the last round left them.
        round_: which group to prune.
        kept_share: share of the group's weights to keep, of all it ever had.
        settings: criterion and scope.
        batches: training images and labels, for criteria that look at data.
        generator: for criteria that draw.

    Returns:
        The masks of all layers; those of other groups are the same objects.
    """
    names = list(network.named_layers(round_.prune))
    scores = variant("criteria", settings.criterion).score(network, names, batches, generator)
    total, kept = sum(masks[name].numel() for name in names), num_kept(masks, names)
    fraction = max(0.0, 1 - kept_share * total / kept) if kept else 0.0
    chosen = variant("scopes", settings.scope).choose(scores, {name: masks[name] for name in names}, fraction)
    pruned = {**masks, **chosen}
    apply_masks_(network, pruned)
    return pruned
