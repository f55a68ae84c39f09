"""EarlyCroP: pruning begins once the weights move as evenly as those of a kernel method would.

When: early.
Source: Rachwan et al. 2022, arXiv:2206.10451.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field, PrivateAttr

from exitprune.config.about import about
from exitprune.pruning.starts import Start

if TYPE_CHECKING:
    from torch import Tensor

    from exitprune.config.prune import Prune
    from exitprune.pruning.criteria import Context


class EarlyCrop(Start):
    """After the first epoch t with |d_t - d_(t-1)| < tau, d_t = ||w_1 - w_t|| / ||w_1||, w_t the base network after epoch t.

    tau is d_2 (1 - p), p the sparsity; where filters go, d_2 min(0.9 - p, 0.99). Batch norms and biases count too.
    """

    cap: int = Field(60, ge=1)
    """Epochs of base training after which pruning begins anyway."""
    _state: dict[str, Tensor] = PrivateAttr(default_factory=dict)

    def why_not(self, recipe: Prune) -> str | None:
        if _threshold(recipe) > 0:
            return None
        return f"earlycrop can never begin to prune filters at a sparsity of {recipe.sparsity:g}; allowed: below 0.9"

    def now(self, context: Context, epoch: int) -> bool:
        if epoch == 0:
            return False
        mine = [parameter.detach() for part in context.network.parts("base") for parameter in part.parameters()]
        if epoch == 1:
            self._state = {f"reference.{number}": parameter.clone() for number, parameter in enumerate(mine)}
            return epoch >= self.cap
        reference = [self._state[f"reference.{number}"] for number in range(len(mine))]
        moved, size = mine[0].new_zeros(()), mine[0].new_zeros(())
        for there, here in zip(reference, mine, strict=True):
            moved, size = moved + (there - here).square().sum(), size + there.square().sum()
        distance = (moved / size).sqrt()
        first, before = self._state.setdefault("first", distance.clone()), self._state.get("before")
        self._state["before"] = distance
        settled = before is not None and bool((distance - before).abs() < first * _threshold(context.settings))
        return settled or epoch >= self.cap

    def state_dict(self) -> dict[str, Tensor]:
        return self._state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._state = dict(state)


def _threshold(recipe: Prune) -> float:
    """tau / d_2."""
    is_structured = "filters" in about("granularities", recipe.granularity.name).goes
    return min(0.9 - recipe.sparsity, 0.99) if is_structured else 1 - recipe.sparsity
