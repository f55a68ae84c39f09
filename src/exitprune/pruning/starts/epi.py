"""EPI: pruning begins once the sub-network that the criterion would choose hardly changes from epoch to epoch.

When: early. Asks: scores.
Source: Shen et al. 2022, arXiv:2110.12007, the early pruning indicator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field, PrivateAttr

from exitprune.pruning.starts import Start

if TYPE_CHECKING:
    from torch import Tensor

    from exitprune.pruning.criteria import Context

Widths = dict[str, "Tensor"]
"""How many units each layer would keep, tensors of no dimension."""


class Epi(Start):
    """After each epoch the recipe's criterion ranks the units, and those are counted that each layer would keep of the first
    round's share. Pruning begins in the first epoch whose indicator reaches `tau` and is no lower than the `window` before it.

    The source takes 0.983 for magnitudes (`criterion: filter_norm`) and 0.944 for gradients (`criterion: taylor_bn`).
    """

    tau: float = Field(0.983, ge=0, le=1)
    """The indicator at which pruning may begin."""
    window: int = Field(5, ge=1)
    """How many epochs before this one it is held against; what was ranked before the first epoch is one of them."""
    earliest: int = Field(5, ge=1)
    """The first epoch in which pruning may begin."""
    _ranked: dict[int, Widths] = PrivateAttr(default_factory=dict)

    def now(self, context: Context, epoch: int) -> bool:
        kept = context.plan(context.scores())
        self._ranked[epoch] = {name: unit.sum() for name, unit in context.units_of(kept).items()}
        indicator = self.indicator(epoch)
        before = [self.indicator(epoch - j) for j in range(1, self.window + 1)]
        return epoch >= self.earliest and indicator >= max(self.tau, *before)

    def indicator(self, epoch: int) -> float:
        """The mean similarity of an epoch's sub-network to those of the epochs before, as far as there are any; else 0."""
        earlier = [self._ranked[epoch - j] for j in range(1, self.window + 1) if epoch - j in self._ranked]
        if epoch not in self._ranked or not earlier:
            return 0.0
        return sum(similarity(self._ranked[epoch], other) for other in earlier) / len(earlier)

    def state_dict(self) -> dict[str, Tensor]:
        return {f"{epoch}:{name}": width for epoch, widths in self._ranked.items() for name, width in widths.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._ranked = {}
        for key, width in state.items():
            epoch, _, name = key.partition(":")
            self._ranked.setdefault(int(epoch), {})[name] = width


def similarity(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> float:
    """Psi: 1 less the mean over layers of |a - b| / (a + b); a layer that is empty in both is the same in both."""
    pairs = [(int(one[name]), int(other[name])) for name in one]
    return 1 - sum(abs(a - b) / (a + b) for a, b in pairs if a + b) / len(pairs)
