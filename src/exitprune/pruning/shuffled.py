"""Scores whose positions are left to chance: layers keep as many units as they would, others of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from exitprune.pruning.criteria import Context


def shuffled(scores: Mapping[str, Tensor], context: Context) -> dict[str, Tensor]:
    """The scores of what is there, shuffled within each layer; drawn on the CPU so that every device draws the same."""
    found = {}
    for name, score in scores.items():
        there = context.masks[name].flatten().nonzero().flatten()
        moved = torch.randperm(len(there), generator=context.generator).to(score.device)
        flat = score.flatten().clone()
        flat[there] = score.flatten()[there[moved]]
        found[name] = flat.reshape(score.shape)
    return found
