"""Halving: half at first, then in every round half of what is still to go, as EarlyCroP scores anew on its way to a sparsity.

When: initialization or early.
Source: Rachwan et al. 2022, arXiv:2206.10451.
"""

from __future__ import annotations

from exitprune.pruning.schedules import Schedule


class Halving(Schedule):
    """p - (p - 0.5) / 2 ** i gone after round i = 0, 1, ..., and p, the sparsity, after the last.

    Where p is 0.5 or less, 0.25 stands for 0.5. Seven rounds are those published.
    """

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        first = min(0.5 if sparsity > 0.5 else 0.25, sparsity)
        gone = [sparsity - (sparsity - first) * 0.5**i for i in range(num_rounds - 1)]
        return [max(1 - share, 1 - sparsity) for share in gone] + [1 - sparsity]
