"""Cubic: much at first, ever less towards the end. Source: Zhu and Gupta 2017, arXiv:1710.01878."""

from __future__ import annotations

from pydantic import Field

from exitprune.pruning.schedules import Schedule


class Cubic(Schedule):
    """1 - sparsity x (1 - (1 - k / num_rounds) ** power) after round k."""

    power: int = Field(3, ge=1)
    """1 is linear."""

    def kept_shares(self, num_rounds: int, sparsity: float) -> list[float]:
        done = [1 - (1 - k / num_rounds) ** self.power for k in range(1, num_rounds)]
        return [1 - sparsity * share for share in done] + [1 - sparsity]
