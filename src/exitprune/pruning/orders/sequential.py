"""Sequential: first the base network; then the exits, on a base network that does not move any more."""

from __future__ import annotations

from typing import Literal

from exitprune.pruning.orders import Order, Round


class Sequential(Order):
    """Rounds on the base network, then as many on the exits."""

    budget: Literal["equal", "half"] = "equal"
    """equal: each group gets all rounds, so both together twice the epochs of `joint`; half: each gets half of them."""

    def rounds(self, num_rounds: int) -> list[Round]:
        if self.budget == "half":
            if num_rounds % 2:
                raise ValueError(f"sequential with budget half needs an even number of rounds, not {num_rounds}")
            num_rounds //= 2
        return [Round(prune="base", train="base")] * num_rounds + [Round(prune="exits", train="exits")] * num_rounds
