"""Magnitude per MAC: a weight matters by its square, as it is, for each multiply-accumulate that it costs.

A weight of a convolution is used once at every place of its map. So early layers, whose maps are large, give more of theirs than
by magnitude alone, and as many weights gone save more MACs.

Goes: weights only. Compares: layers.
Source: ours; the magnitude is that of Han et al. 2015, arXiv:1506.02626.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.magnitude import Magnitude


class MagnitudePerMac(Magnitude):
    """|w| / MACs ** power."""

    power: float = Field(0.5, ge=0)
    """1 is magnitude per MAC, 0 magnitude alone; 1/2 ranks as the square of the weight per MAC does."""

    def score(self, context: Context) -> dict[str, Tensor]:
        macs = context.unit_macs()
        return {
            name: score / max(macs[name], 1.0) ** self.power  # a layer that has nothing left is not ranked
            for name, score in super().score(context).items()
        }
