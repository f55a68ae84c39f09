"""One ranking over all layers of the group, as the paper's charts suggest: layer sparsities are free to differ."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import torch
from pydantic import Field
from torch import Tensor

from exitprune.networks.masks import Masks, num_kept
from exitprune.pruning.ranking import without_lowest
from exitprune.pruning.scopes import Scope


class Global(Scope):
    """The lowest scores go, wherever they are."""

    floor: float = Field(0.0, ge=0, lt=1)
    """Share of its units that every layer keeps, one at least unless this is 0: its best, while others are left to go."""

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        if not self.floor:
            return without_lowest(scores, candidates, num)
        spared = {}
        for name, score in scores.items():
            least = min(ceil(self.floor * score.numel()), num_kept(candidates, [name]))
            best = without_lowest({name: score}, {name: candidates[name]}, num_kept(candidates, [name]) - least)[name]
            spared[name] = score.masked_fill(best, torch.inf)
        return without_lowest(spared, candidates, num)
