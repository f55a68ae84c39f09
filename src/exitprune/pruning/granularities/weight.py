"""Weight: every weight goes by itself, as in the paper. Zeros anywhere; the network keeps its shape."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks


def unit_scores(network: EarlyExitNetwork, scores: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A unit is a weight."""
    return dict(scores)


def unit_masks(network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> Masks:
    """A unit is a weight."""
    return dict(masks)


def weight_masks(network: EarlyExitNetwork, masks: Mapping[str, Tensor], units: Mapping[str, Tensor]) -> Masks:
    """A unit is a weight."""
    return dict(units)
