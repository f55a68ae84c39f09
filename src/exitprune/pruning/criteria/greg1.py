"""GReg-1: a penalty that grows on what will go, until hardly anything is left of it.

When: trained. Rewind: undoes it.
Source: Wang et al. 2021, arXiv:2012.09243.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria._pressing import Pressing


class Greg1(Pressing):
    """|w| of the trained network says what goes; lambda grows there by `delta`, to the ceiling or to the ratio."""

    ratio: float = Field(1000.0, gt=0)
    """Of the mean |w| of what stays to that of what goes, in every layer, at which lambda stops growing."""
    _ratios: dict[str, Tensor] = PrivateAttr(default_factory=dict)

    def start(self, context: Context) -> None:
        super().start(context)
        self._choose(context.weights)
        self._pressure = {name: torch.zeros_like(weight) for name, weight in context.weights.items()}
        self._ratios = {}

    def _grow(self, by_name: Mapping[str, Tensor]) -> bool:
        strength = self._updates * self.delta
        going = self._going()
        self._pressure = {name: goes.float() * strength for name, goes in going.items()}
        for name, goes in going.items():
            kept = self._masks[name] & ~goes
            if goes.any() and kept.any():
                sizes = by_name[name].abs()
                now = sizes[kept].mean() / sizes[goes].mean()
                self._ratios[name] = 0.9 * self._ratios.get(name, now) + 0.1 * now
        pressed_out = bool(self._ratios) and all(bool(ratio >= self.ratio) for ratio in self._ratios.values())
        return pressed_out or strength >= self.ceiling * (1 - 1e-9)

    def state_dict(self) -> dict[str, Tensor]:
        return {**super().state_dict(), **{f"ratio:{name}": ratio for name, ratio in self._ratios.items()}}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        super().load_state_dict(state)
        self._ratios = {
            name.removeprefix("ratio:"): value for name, value in state.items() if name.startswith("ratio:")
        }
