"""When the training of a round ends, and which of its networks stays.

Contract of a file: a class of `Ending`; its fields are its settings. It is a callback of the training of every round, one for
each round, and may look at validation images.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from exitprune.config.section import Variant
from exitprune.training.callbacks import Callback

if TYPE_CHECKING:
    from exitprune.data.images import Images
    from exitprune.networks.early_exit import EarlyExitNetwork
    from exitprune.networks.groups import Group


class Ending(Variant, Callback):
    """A way to end. Without more, all epochs are trained and the last network stays."""

    def begin(self, group: Group, validation: Images) -> None:
        """A round's training begins.

        Args:
            group: that learns.
            validation: images that the network does not see in training.
        """

    def soonest(self) -> float:
        """The epoch after which it may end a training, at the earliest; inf: it ends none."""
        return math.inf

    def finish_(self, network: EarlyExitNetwork) -> None:
        """The training is over; the network may become an earlier one of it."""
