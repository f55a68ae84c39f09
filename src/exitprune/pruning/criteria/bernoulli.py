"""Bernoulli: every weight stays or goes by its own toss of a coin, so how many stay is left to chance too.

When: initialization. Goes: weights only. Scope: its own.
Source: Yang et al. 2023, arXiv:2301.00335.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from exitprune.networks.masks import Masks, num_kept
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.random import Random


class Bernoulli(Random):
    """A weight stays with the share that is to be kept as its probability; the scope has no say."""

    def choose(self, context: Context, scores: Mapping[str, Tensor]) -> Masks:
        total = sum(context.masks[name].numel() for name in context.names)
        goes = 1 - context.kept_share * total / max(1, num_kept(context.masks, context.names))
        return {**context.masks, **{name: context.masks[name] & (scores[name] >= goes) for name in context.names}}
