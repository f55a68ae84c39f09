"""Sequential in as many rounds as joint: half on the base network, half on the exits, so that both train for as many epochs.

The order `sequential` has as many rounds per group as joint has in all, hence twice the epochs. This is the other fair reading.
"""

from __future__ import annotations

from exitprune.pruning.orders import Round, sequential


def rounds(num_rounds: int) -> list[Round]:
    """Half the rounds on the base network, rounded up, then as many on the exits; each group gets one at least."""
    return sequential.rounds((num_rounds + 1) // 2)
