"""GReg-2: a penalty that grows on everything, and shows which weights the loss holds on to; those stay.

When: trained.
Source: Wang et al. 2021, arXiv:2012.09243.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor

from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria._pressing import Pressing


class Greg2(Pressing):
    """lambda grows on all units by `delta_all` until it is above `ceiling_all`. Then |w| says what goes: under a pressure that is
    alike for all, weights shrink the more, the flatter the loss is along them.

    On what goes lambda grows on by `delta`; on what stays it is set to -`delta`, which lets it recover.
    """

    delta_all: float = Field(1e-5, gt=0)
    """By how much lambda grows before what goes is chosen."""
    ceiling_all: float = Field(1e-2, gt=0)
    """Beyond it what goes is chosen: with the source's values in update 1,001."""

    def start(self, context: Context) -> None:
        super().start(context)
        self._pressure = {name: torch.zeros_like(weight) for name, weight in context.weights.items()}

    def _grow(self, by_name: Mapping[str, Tensor]) -> bool:
        alike = round(self.ceiling_all / self.delta_all) + 1
        strength = min(self._updates, alike) * self.delta_all + max(0, self._updates - alike) * self.delta
        if self._updates <= alike:
            self._pressure = {name: unit.float() * strength for name, unit in self._units.items()}
            if self._updates == alike:
                self._choose(by_name)
            return False
        going = self._going()
        self._pressure = {
            name: torch.where(going[name], strength, -self.delta) * unit.float() for name, unit in self._units.items()
        }
        return strength >= self.ceiling * (1 - 1e-9)
