"""Weight: every weight goes by itself, as in the paper. Zeros anywhere; the network keeps its shape.

Goes: weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks
from exitprune.pruning.granularities import Granularity


class Weight(Granularity):
    """A unit is a weight."""

    in_every_network: ClassVar[bool] = True

    def unit_scores(
        self, network: EarlyExitNetwork, scores: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        return dict(scores)

    def unit_masks(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> Masks:
        return dict(masks)

    def weight_masks(
        self, network: EarlyExitNetwork, masks: Mapping[str, Tensor], units: Mapping[str, Tensor]
    ) -> Masks:
        return dict(units)
