"""One ranking over all layers of the group, as the paper's charts suggest: layer sparsities are free to differ."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import torch
from pydantic import Field
from torch import Tensor

from exitprune.config.prune import Prune
from exitprune.networks.masks import Masks, num_kept
from exitprune.pruning.ranking import without_lowest
from exitprune.pruning.scopes import Scope


class Global(Scope):
    """The lowest scores go, wherever they are."""

    floor: float = Field(0.0, ge=0, lt=1)
    """Share of its units that every layer keeps, its best, and one at least unless this is 0; just one each, where rounding up
    would spare more than are to stay."""

    def why_not(self, recipe: Prune) -> str | None:
        if self.floor <= 1 - recipe.sparsity + 1e-9:
            return None
        return (
            f"global: floor: {self.floor:g} of every layer is more than the {1 - recipe.sparsity:.3g} of all that stay"
        )

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        if not self.floor:
            return without_lowest(scores, candidates, num)
        there = {name: num_kept(candidates, [name]) for name in scores}
        least = {name: min(ceil(self.floor * score.numel()), there[name]) for name, score in scores.items()}
        if sum(least.values()) > sum(there.values()) - num:
            least = {name: min(1, one) for name, one in least.items()}
        spared = {}
        for name, score in scores.items():
            best = without_lowest({name: score}, {name: candidates[name]}, there[name] - least[name])[name]
            spared[name] = score.masked_fill(best, torch.inf)
        return without_lowest(spared, candidates, num)
