"""Layer densities apart from positions: how many units each layer keeps is one question, which ones another.

Letters: k share of all units kept, d share of a layer's units kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor

from torch import Tensor

from exitprune.networks.early_exit import group_of
from exitprune.networks.masks import Masks, num_kept
from exitprune.pruning.ranking import without_lowest
from exitprune.pruning.scopes import Scope

Counts = dict[str, int]


def scale(wanted: Mapping[str, float], most: Mapping[str, int], total: int) -> float:
    """e for which min(e x wanted, most), summed, is the total: layers that would keep more than they have are dense.

    Args:
        wanted: units that each layer would keep for e = 1; above 0.
        most: that it can keep.
        total: that all are to keep, at most the sum of `most`.
    """
    e, dense = 0.0, set[str]()
    while len(dense) < len(wanted):
        free = [name for name in wanted if name not in dense]
        e = (total - sum(most[name] for name in dense)) / sum(wanted[name] for name in free)
        more = {name for name in free if e * wanted[name] > most[name]}
        if not more:
            break
        dense |= more
    return e


def shared_out(wanted: Mapping[str, float], most: Mapping[str, int], total: int) -> Counts:
    """So many units for each layer, in the proportion wanted; the total is exact, the largest remainders are rounded up."""
    if total >= sum(most[name] for name in wanted):
        return {name: most[name] for name in wanted}
    e = scale(wanted, most, total)
    exact = {name: min(e * share, most[name]) for name, share in wanted.items()}
    counts = {name: floor(share + 1e-9) for name, share in exact.items()}
    ranked = sorted(exact, key=lambda name: counts[name] - exact[name])
    for name in [name for name in ranked if counts[name] < most[name]][: total - sum(counts.values())]:
        counts[name] += 1
    return counts


class LayerDensities(Scope):
    """In each layer, so many of the lowest scores go that the layer has its density.

    Base network and exits each keep the share that all together are to keep: in one pool, small exits would stay dense and take
    much of what may be kept. The classifier counts as base, whatever group it is pruned with.
    """

    def relative(self, shape: Sequence[int]) -> float:
        """The density of a layer of this shape, up to the factor that all layers share."""
        raise NotImplementedError  # each scope of densities says it

    def counts(self, shapes: Mapping[str, Sequence[int]], sizes: Counts, most: Counts, total: int) -> Counts:
        """How many units each layer of a group keeps.

        Args:
            shapes: of the layers, in order of execution.
            sizes: units that they have had.
            most: units that they have.
            total: units that all are to keep.
        """
        return shared_out({name: self.relative(shape) * sizes[name] for name, shape in shapes.items()}, most, total)

    def choose(self, scores: Mapping[str, Tensor], candidates: Mapping[str, Tensor], num: int) -> Masks:
        if num == 0:
            return {name: candidates[name] for name in scores}
        sizes = {name: score.numel() for name, score in scores.items()}
        most = {name: num_kept(candidates, [name]) for name in scores}
        groups = {group: [name for name in scores if group_of(name) == group] for group in ("base", "exits")}
        groups = {group: names for group, names in groups.items() if names}
        size, there = (
            {group: sum(of[name] for name in names) for group, names in groups.items()} for of in (sizes, most)
        )
        chosen: Masks = {}
        for group, total in shared_out(size, there, sum(most.values()) - num).items():
            shapes = {name: tuple(scores[name].shape) for name in groups[group]}
            for name, kept in self.counts(shapes, sizes, most, total).items():
                chosen |= without_lowest({name: scores[name]}, {name: candidates[name]}, most[name] - kept)
        return {name: chosen[name] for name in scores}
