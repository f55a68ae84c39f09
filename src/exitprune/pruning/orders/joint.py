"""Joint: base network and exits are ranked and pruned as one set and fine-tuned together."""

from __future__ import annotations

from typing import Literal

from exitprune.networks.groups import Group
from exitprune.pruning.orders import Order, Round


class Joint(Order):
    """`num_rounds` rounds on everything."""

    base_learns_from: Literal["exits", "classifier"] = "exits"
    """The losses that reach the base network while everything is fine-tuned: of all exits, or of its classifier alone."""

    def rounds(self, num_rounds: int) -> list[Round]:
        train: Group = "all" if self.base_learns_from == "exits" else "apart"
        return [Round(prune="all", train=train)] * num_rounds
