"""One ranking over all layers of the group, as the paper's charts suggest: layer sparsities are free to differ."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.networks.masks import Masks
from exitprune.pruning.ranking import without_lowest


def choose(scores: Mapping[str, Tensor], masks: Mapping[str, Tensor], fraction: float) -> Masks:
    """The lowest scores go, wherever they are."""
    return without_lowest(scores, masks, fraction)
