"""One ranking in the base network and one in the exits: both keep the same share, as if they were pruned one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor

from exitprune.config.choice import made
from exitprune.config.prune import Prune
from exitprune.networks.early_exit import group_of
from exitprune.networks.masks import Masks
from exitprune.pruning.scopes import Scope
from exitprune.pruning.scopes._shares import same_share


class Group(Scope):
    """The lowest scores of each group go, until it keeps the share that all together are to keep.

    The classifier counts as base. Beside `global` it tells what it is worth that one ranking lets exits keep more than the base.
    """

    def why_not(self, recipe: Prune) -> str | None:
        if any(one.prune == "all" for one in made("orders", recipe.order).rounds(recipe.rounds)):
            return None
        return (
            f"scope: group gives base and exits the same share where both are pruned at once, and order: {recipe.order.name} "
            "prunes one of them at a time, so global is the same; scope allowed with it: any other"
        )

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        groups: dict[str, list[str]] = defaultdict(list)
        for name in scores:
            groups[group_of(name)].append(name)
        return same_share(groups.values(), scores, candidates, num)
