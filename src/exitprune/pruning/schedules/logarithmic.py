"""Logarithmic: much at first, ever less towards the end, evenly spaced on a logarithmic scale.

When: trained.
Source: Janusz et al. 2025, arXiv:2508.13836.
"""

from __future__ import annotations

from itertools import accumulate

from exitprune.pruning.schedules import Schedule


class Logarithmic(Schedule):
    """Of n rounds, the first removes n times as much as the last, and each the same multiple of the next."""

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        parts = [num_rounds ** (1 - k / (num_rounds - 1)) for k in range(num_rounds)] if num_rounds > 1 else [1.0]
        gone = list(accumulate(sparsity * part / sum(parts) for part in parts))
        return [max(1 - share, 1 - sparsity) for share in gone[:-1]] + [1 - sparsity]
