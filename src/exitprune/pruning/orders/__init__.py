"""In which order the groups are pruned: the question of the paper.

Contract of a file: `rounds(num_rounds) -> list[Round]`. Each group goes through the schedule once, from its first round to its
last; a third order is a third list.
"""

from __future__ import annotations

from dataclasses import dataclass

from exitprune.networks.early_exit import Group


@dataclass(frozen=True)
class Round:
    """Leads from one level to the next: prune a group, then fine-tune a group."""

    prune: Group
    train: Group
