"""Hybrid: one large step first, then the same share of what is left in every round (few-shot).

When: trained.
Source: Janusz et al. 2025, arXiv:2508.13836.
"""

from __future__ import annotations

from pydantic import Field

from exitprune.pruning.schedules import Schedule


class Hybrid(Schedule):
    """Removes `first`, then r (1 - r) ** j in round j = 0, 1, ..., with r such that all together are the sparsity."""

    first: float = Field(0.5, ge=0, lt=1)
    """Share of all units that the first round removes; at most all that are to go."""

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        first = min(self.first, sparsity)
        later = [first + 1 - (1 - (sparsity - first)) ** (k / (num_rounds - 1)) for k in range(1, num_rounds - 1)]
        return [1 - gone for gone in [first, *later][: num_rounds - 1]] + [1 - sparsity]
