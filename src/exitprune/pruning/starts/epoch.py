"""Epoch: pruning begins after a number of epochs of base training.

When: early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from exitprune.pruning.starts import Start

if TYPE_CHECKING:
    from exitprune.pruning.criteria import Context


class Epoch(Start):
    """After `number` epochs."""

    number: int = Field(1, ge=1)
    """Of base training."""

    def now(self, context: Context, epoch: int) -> bool:
        return epoch >= self.number
