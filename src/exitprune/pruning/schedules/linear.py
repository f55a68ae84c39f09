"""Linear: every round removes the same number of weights."""

from __future__ import annotations

from pydantic import Field

from exitprune.pruning.schedules import Schedule


class Linear(Schedule):
    """1 - sparsity x k / num_rounds after round k; with `first` that is gone after round 1, and equal parts of the rest later."""

    first: float | None = Field(None, ge=0, lt=1)
    """Share of all units that the first round removes; at most all that are to go. Not set: as much as each other round."""

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        if self.first is None:
            gone = [sparsity * k / num_rounds for k in range(1, num_rounds)]
        else:
            first = min(self.first, sparsity)
            gone = [first + (sparsity - first) * k / (num_rounds - 1) for k in range(num_rounds - 1)]
        return [1 - share for share in gone] + [1 - sparsity]
