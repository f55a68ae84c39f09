"""Uniform plus: the same density everywhere, but the first convolution is dense and the last linear layer keeps a fifth at least.

Goes: weights only.
Source: Gale et al. 2019, arXiv:1902.09574; with random positions, Liu et al. 2022, arXiv:2202.02643, whose code misses its
total; here the other layers make it exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from pydantic import Field

from exitprune.pruning.densities import Counts, LayerDensities, shared_out


class UniformPlus(LayerDensities):
    """k everywhere else. Exits have no first convolution and no last layer: all of them keep k."""

    least: float = Field(0.2, ge=0, le=1)
    """Share that the last linear layer of the base network keeps at least."""

    def counts(self, shapes: Mapping[str, Sequence[int]], sizes: Counts, most: Counts, total: int) -> Counts:
        first = [name for name, shape in shapes.items() if len(shape) == 4][:1]
        last = [name for name, shape in shapes.items() if len(shape) == 2][-1:] if first else []
        fixed = {name: most[name] for name in first}
        kept = self._rest(sizes, most, fixed, total, list(shapes))
        floors = {name: min(most[name], ceil(self.least * sizes[name])) for name in last}
        if any(kept[name] < least for name, least in floors.items()):
            kept = self._rest(sizes, most, {**fixed, **floors}, total, list(shapes))
        return kept

    def _rest(self, sizes: Counts, most: Counts, fixed: Counts, total: int, names: list[str]) -> Counts:
        """What the others keep beside those that are fixed; if these alone are too many, they share what there is."""
        theirs = shared_out({name: kept for name, kept in fixed.items() if kept}, fixed, total)
        others = {name: float(sizes[name]) for name in names if name not in fixed}
        rest = shared_out(others, most, total - sum(theirs.values()))
        return {name: {**fixed, **theirs, **rest}[name] for name in names}
