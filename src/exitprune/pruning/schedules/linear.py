"""Linear: every round removes the same number of weights."""

from __future__ import annotations


def kept_shares(num_rounds: int, sparsity: float) -> list[float]:
    """1 - sparsity x k / num_rounds after round k."""
    return [1 - sparsity * k / num_rounds for k in range(1, num_rounds)] + [1 - sparsity]
