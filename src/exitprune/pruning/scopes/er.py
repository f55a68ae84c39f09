"""ER: the more connections a layer's inputs and outputs could have, the sparser it is (Erdős-Rényi).

Goes: weights only.
Source: Mocanu et al. 2018, arXiv:1707.04780; with random positions, Liu et al. 2022, arXiv:2202.02643.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from exitprune.pruning.densities import LayerDensities


class Er(LayerDensities):
    """d = e (n_in + n_out) / (n_in n_out), whatever the kernel; layers with d > 1 are dense, and e is that of the others."""

    def relative(self, shape: Sequence[int]) -> float:
        return sum(shape[:2]) / prod(shape[:2])
