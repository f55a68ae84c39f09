"""One ranking per layer: every layer keeps the same share of its weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.networks.masks import Masks
from exitprune.pruning.scopes import Scope
from exitprune.pruning.scopes._shares import same_share


class Layer(Scope):
    """The lowest scores of each layer go, until it keeps the share that all together are to keep."""

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        return same_share([[name] for name in scores], scores, candidates, num)
