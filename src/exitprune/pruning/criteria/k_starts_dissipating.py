"""K starts, then dissipating: the first round keeps the fittest of K random masks, later ones what has moved most since.

When: initialization. Goes: weights only. Form: in the spirit of it.
Source: What to Prune and What Not to Prune at Initialization, 2022, arXiv:2209.02201.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from torch import Tensor

from exitprune.config.choice import made
from exitprune.config.prune import Prune
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.dissipating import movement
from exitprune.pruning.criteria.k_starts import KStarts


class KStartsDissipating(KStarts):
    """As k_starts while everything is there, then as dissipating. `schedule: {name: linear, first: ...}` says how much
    goes at once, and equal parts of the rest later."""

    _dissipates: bool = False

    def why_not(self, recipe: Prune) -> str | None:
        rounds = Counter(one.prune for one in made("orders", recipe.order).rounds(recipe.rounds))
        if max(rounds.values()) > 1:
            return None
        return "k_starts_dissipating dissipates after the first round of a group, and each has one; give more rounds, or k_starts"

    def start(self, context: Context) -> None:
        self._dissipates = not all(context.masks[name].all() for name in context.names)
        if not self._dissipates:
            super().start(context)

    def before_forward(self, network: EarlyExitNetwork) -> None:
        if not self._dissipates:
            super().before_forward(network)

    def after_backward(self, network: EarlyExitNetwork) -> None:
        if not self._dissipates:
            super().after_backward(network)

    def after_step(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        if not self._dissipates:
            super().after_step(network, masks)

    def score(self, context: Context) -> dict[str, Tensor]:
        return movement(context) if self._dissipates else super().score(context)
