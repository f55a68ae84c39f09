"""Among which units scores are compared.

Contract of a file: a class of `Scope` with `choose`; its fields are its settings.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.config.section import Variant
from exitprune.networks.masks import Masks


class Scope(Variant):
    """A way to compare scores."""

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        """The candidates without `num` units, those whose scores are lowest.

        Ties go by position: first layer first, and in a layer the first index first, whatever the order in memory.

        Args:
            scores: of units, by layer; a higher score stays.
            candidates: which units are there, by layer, at least those of `scores`; what is not stays away.
            num: how many go, over all layers; a scope that rounds in each layer may miss it by half a unit a layer.
        """
        raise NotImplementedError  # each scope says it
