"""Linear: every round removes the same number of weights."""

from __future__ import annotations

from exitprune.pruning.schedules import Schedule


class Linear(Schedule):
    """1 - sparsity x k / num_rounds after round k."""

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        return [1 - sparsity * k / num_rounds for k in range(1, num_rounds)] + [1 - sparsity]
