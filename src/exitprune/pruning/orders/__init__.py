"""In which order the groups are pruned: the question of the paper.

Contract of a file: a class of `Order` with `rounds`; its fields are its settings. Each group goes through the schedule once, from
its first round to its last; a third order is a third list.
"""

from __future__ import annotations

from dataclasses import dataclass

from exitprune.config.section import Variant
from exitprune.networks.groups import Group


@dataclass(frozen=True)
class Round:
    """Leads from one level to the next: prune a group, then fine-tune a group."""

    prune: Group
    train: Group


class Order(Variant):
    """A list of rounds."""

    def rounds(self, num_rounds: int) -> list[Round]:
        """All rounds.

        Args:
            num_rounds: as the recipe has it.

        Raises:
            ValueError: if the order cannot have so many.
        """
        raise NotImplementedError  # each order says it
