"""Masks: which weights are kept. A mask is a bool tensor of its weight's shape, True = kept.

Masks are held in a dict by layer name, in order of execution. Nothing here decides what goes: see `pruning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from exitprune.networks.architectures import weight_of
from exitprune.networks.early_exit import EarlyExitNetwork, Group

Masks = dict[str, Tensor]


def full_masks(network: EarlyExitNetwork) -> Masks:
    """Masks that keep everything."""
    return {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights(network).items()}


def weights(network: EarlyExitNetwork, group: Group = "all") -> dict[str, Tensor]:
    """The prunable weights of a group by layer name; not copies."""
    return {
        name: weight for name, layer in network.named_layers(group).items() if (weight := weight_of(layer)) is not None
    }


@torch.no_grad()
def apply_masks_(network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
    """Set the weights that are not kept to zero."""
    for name, weight in weights(network).items():
        weight.mul_(masks[name])


def num_kept(masks: Mapping[str, Tensor], names: Iterable[str] | None = None) -> int:
    """Weights kept in the named layers (in all, if none are named)."""
    return sum(int(masks[name].sum()) for name in (masks if names is None else names))


def sparsity(masks: Mapping[str, Tensor], names: Iterable[str] | None = None) -> float:
    """Share of the weights that are zero in the named layers (in all, if none are named)."""
    names = list(masks if names is None else names)
    return 1 - num_kept(masks, names) / sum(masks[name].numel() for name in names)
