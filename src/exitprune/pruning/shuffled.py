"""Scores whose positions are left to chance: layers keep as many units as they would, others of them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from exitprune.config.choice import made
from exitprune.config.prune import Prune
from exitprune.pruning.criteria import Context
from exitprune.pruning.effect import free_scopes, sets_densities


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


def why_not(recipe: Prune) -> str | None:
    """Why scores may not be shuffled in a recipe; None: they may."""
    if not sets_densities(made("scopes", recipe.scope)):
        return None
    return (
        f"only how much of each layer stays counts where positions are left to chance, and scope: {recipe.scope.name} says that "
        f"whatever the scores are; scope allowed with it: {free_scopes()}"
    )
