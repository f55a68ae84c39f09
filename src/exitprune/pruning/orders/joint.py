"""Joint: base network and exits are ranked and pruned as one set and fine-tuned together."""

from __future__ import annotations

from exitprune.pruning.orders import Order, Round


class Joint(Order):
    """`num_rounds` rounds on everything."""

    def rounds(self, num_rounds: int) -> list[Round]:
        return [Round(prune="all", train="all")] * num_rounds
