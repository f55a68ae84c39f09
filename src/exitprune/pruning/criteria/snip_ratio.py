"""SNIP ratio: as many weights of each layer as SNIP would keep, at random positions.

When: initialization. Goes: weights only.
Source: Liu et al. 2022, arXiv:2202.02643.
"""

from __future__ import annotations

from torch import Tensor

from exitprune.config.prune import Prune
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.snip import Snip
from exitprune.pruning.shuffled import shuffled, why_not


class SnipRatio(Snip):
    """SNIP's scores, shuffled within each layer."""

    def score(self, context: Context) -> dict[str, Tensor]:
        return shuffled(super().score(context), context)

    def why_not(self, recipe: Prune) -> str | None:
        return why_not(recipe)
