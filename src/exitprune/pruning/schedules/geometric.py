"""Geometric: every round removes the same share of what is left, as in iterative magnitude pruning.

Source: Frankle and Carbin 2019, arXiv:1803.03635.
"""

from __future__ import annotations

from exitprune.pruning.schedules import Schedule


class Geometric(Schedule):
    """(1 - sparsity) ** (k / num_rounds) after round k."""

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        return [(1 - sparsity) ** (k / num_rounds) for k in range(1, num_rounds)] + [1 - sparsity]
