"""Sequential: first the base network; then the exits."""

from __future__ import annotations

from typing import Literal

from exitprune.networks.groups import Group
from exitprune.pruning.orders import Order, Round


class Sequential(Order):
    """Rounds on the base network, then as many on the exits."""

    budget: Literal["equal", "half"] = "equal"
    """equal: each group gets all rounds, so both together twice the epochs of `joint`; half: each gets half of them."""

    train: Literal["group", "all"] = "group"
    """What learns in a round: the group that was pruned, or everything, which tells the order of pruning from what is trained
    for the exits."""

    def rounds(self, num_rounds: int) -> list[Round]:
        if self.budget == "half":
            if num_rounds % 2:
                raise ValueError(f"sequential with budget half needs an even number of rounds, not {num_rounds}")
            num_rounds //= 2
        groups: tuple[Group, Group] = ("base", "exits")
        return [Round(group, "all" if self.train == "all" else group) for group in groups for _ in range(num_rounds)]
