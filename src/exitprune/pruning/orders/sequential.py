"""Sequential: first the base network; then the exits, on a base network that does not move any more."""

from __future__ import annotations

from exitprune.pruning.orders import Round


def rounds(num_rounds: int) -> list[Round]:
    """`num_rounds` rounds on the base network, then as many on the exits."""
    return [Round(prune="base", train="base")] * num_rounds + [Round(prune="exits", train="exits")] * num_rounds
