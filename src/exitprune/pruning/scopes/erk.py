"""ERK: the more connections a layer's inputs, outputs and kernel could have, the sparser it is (Erdős-Rényi kernel).

Goes: weights only.
Source: Evci et al. 2020, arXiv:1911.11134; with random positions, Liu et al. 2022, arXiv:2202.02643.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from exitprune.pruning.densities import LayerDensities


class Erk(LayerDensities):
    """d = e (n_in + n_out + kh + kw) / (n_in n_out kh kw) for convolutions, e (n_in + n_out) / (n_in n_out) for linear layers.

    e is what keeps as many in all as asked; layers with d > 1 are dense, and e is that of the others.
    """

    def relative(self, shape: Sequence[int]) -> float:
        return sum(shape) / prod(shape)
