"""Pruning: from the masks of one level to those of the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from exitprune.config.prune import Prune
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, apply_masks_, num_kept
from exitprune.pruning.orders import Round
from exitprune.variants import variant


def plan(settings: Prune) -> list[tuple[Round, float]]:
    """The rounds in order, each with the share of its group's units that are kept after it."""
    rounds: Sequence[Round] = variant("orders", settings.order).rounds(settings.rounds)
    schedule = variant("schedules", settings.schedule)
    num_rounds = Counter(round_.prune for round_ in rounds)
    shares = {group: iter(schedule.kept_shares(num, settings.sparsity)) for group, num in num_rounds.items()}
    return [(round_, next(shares[round_.prune])) for round_ in rounds]


def prune_(
    network: EarlyExitNetwork,
    masks: Mapping[str, Tensor],
    round_: Round,
    kept_share: float,
    settings: Prune,
    batches: Iterable[tuple[Tensor, Tensor]],
    generator: torch.Generator,
) -> Masks:
    """Prune units of the round's group and set the weights that go to zero.

    Args:
        network: changed in place.
        masks: of all layers, as the last round left them.
        round_: which group to prune.
        kept_share: share of the group's units to keep, of all it ever had.
        settings: criterion, scope and granularity.
        batches: training images and labels, for criteria that look at data.
        generator: for criteria that draw.

    Returns:
        The masks of all layers; those of other groups are the same objects.
    """
    names = list(network.named_layers(round_.prune))
    granularity = variant("granularities", settings.granularity)
    units: Masks = granularity.unit_masks(network, {name: masks[name] for name in names})
    if not units:
        return dict(masks)
    scores = variant("criteria", settings.criterion).score(network, names, batches, generator)
    total, kept = sum(unit.numel() for unit in units.values()), num_kept(units)
    fraction = max(0.0, 1 - kept_share * total / kept) if kept else 0.0
    chosen = variant("scopes", settings.scope).choose(granularity.unit_scores(network, scores), units, fraction)
    pruned = {**masks, **granularity.weight_masks(network, {name: masks[name] for name in names}, chosen)}
    apply_masks_(network, pruned)
    return pruned
