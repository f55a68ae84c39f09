"""One ranking over all layers of the group, as the paper's charts suggest: layer sparsities are free to differ."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.networks.masks import Masks
from exitprune.pruning.ranking import without_lowest
from exitprune.pruning.scopes import Scope


class Global(Scope):
    """The lowest scores go, wherever they are."""

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        return without_lowest(scores, candidates, num)
