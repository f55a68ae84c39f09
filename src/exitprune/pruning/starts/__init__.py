"""When pruning begins: from the trained network, or earlier.

Contract of a file: a class of `Start`; its fields are its settings. One that watches is asked before the first epoch of base
training and after each whether pruning begins now; after the rounds the base training goes on, on its own schedule, and then
that of the heads. The trained network that was never pruned stays in all tables as the baseline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from exitprune.config.section import Variant

if TYPE_CHECKING:  # parameters are checked without importing torch
    from torch import Tensor

    from exitprune.pruning.criteria import Context


class Start(Variant):
    """A moment of training."""

    watches: ClassVar[bool] = True
    """Whether base training is watched; if not, pruning begins with level 0."""

    def now(self, context: Context, epoch: int) -> bool:
        """Whether pruning begins after this epoch of base training; 0 is before the first. After the last it does anyway.

        Args:
            context: as the first round would see it, of all layers.
            epoch: how many are over.
        """
        raise NotImplementedError  # each start that watches says it

    def state_dict(self) -> dict[str, Tensor]:
        """What is remembered from one epoch to the next."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state_dict` gave."""
