"""What goes as one: the unit that is scored, ranked and pruned.

Contract of a file: a class of `Granularity` with three functions between weights and units, both in dicts of tensors by layer
name; its fields are its settings. A layer that has no units is left out of the first two and comes back unchanged from the third.
Ranking sees units only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from exitprune.config.section import Variant
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.gates import Place
from exitprune.networks.masks import Masks


class Granularity(Variant):
    """A kind of unit."""

    in_every_network: ClassVar[bool] = False
    """Whether there are such units wherever there are weights; else each study's network is looked at before any job."""

    def unit_scores(
        self, network: EarlyExitNetwork, scores: Mapping[str, Tensor], masks: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Scores of the units in the layers scored; the masks say which weights are there."""
        raise NotImplementedError  # each granularity says it

    def unit_masks(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> Masks:
        """Masks of the units in the layers given, True = kept."""
        raise NotImplementedError  # each granularity says it

    def weight_masks(
        self, network: EarlyExitNetwork, masks: Mapping[str, Tensor], units: Mapping[str, Tensor]
    ) -> Masks:
        """Masks of the layers given, without the weights of units that went."""
        raise NotImplementedError  # each granularity says it

    def gates(self, network: EarlyExitNetwork) -> dict[str, Place]:
        """Where a gate of each layer's units would sit; none: units of this kind have no place for one."""
        return {}

    def neutralise_(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        """Set what units that went would still add, if that is more than their weights."""
