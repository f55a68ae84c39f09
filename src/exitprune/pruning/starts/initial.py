"""Initial: pruning begins with the weights as they were drawn, before any training.

When: initialization.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exitprune.pruning.starts import Start

if TYPE_CHECKING:
    from exitprune.pruning.criteria import Context


class Initial(Start):
    """Before the first epoch."""

    def now(self, context: Context, epoch: int) -> bool:
        return True
