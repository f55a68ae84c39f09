"""Joint: base network and exits are ranked and pruned as one set and fine-tuned together."""

from __future__ import annotations

from exitprune.pruning.orders import Round


def rounds(num_rounds: int) -> list[Round]:
    """`num_rounds` rounds on everything."""
    return [Round(prune="all", train="all")] * num_rounds
