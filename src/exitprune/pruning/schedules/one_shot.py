"""One shot: the first round removes everything; the others only fine-tune."""

from __future__ import annotations


def kept_shares(num_rounds: int, sparsity: float) -> list[float]:
    """1 - sparsity after every round."""
    return [1 - sparsity] * num_rounds
