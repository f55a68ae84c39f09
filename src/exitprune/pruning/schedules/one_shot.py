"""One shot: the first round removes everything; the others only fine-tune."""

from __future__ import annotations

from exitprune.pruning.schedules import Schedule


class OneShot(Schedule):
    """1 - sparsity after every round."""

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        return [1 - sparsity] * num_rounds
