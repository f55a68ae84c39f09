"""Effective filters: a layer loses no more than it has filters whose gradients are combinations of those of the others.

When: trained. Goes: filters only. Form: in the spirit of it. Scope: its own.
Source: Zhou et al. 2022, arXiv:2206.03596.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from exitprune.networks.masks import Masks, num_kept
from exitprune.pruning.criteria import Context, Criterion


class EffectiveFilters(Criterion):
    """With a matrix of gradients, a row for each of a layer's n filters that are left, columns for its weights in every batch:
    the redundancy is 1 - e / n, e the effective rank. Until the round's share is reached, the layer of the largest redundancy
    times MACs loses its least salient filters, a few at a time; a filter's salience is |sum of w gbar|.

    No layer loses more in a round than its redundancy at the beginning allows, also where that is still redundant by the same
    gradients; and none whose redundancy is below `least` loses any. Where no layer may lose any more, the round ends, at a lower
    sparsity than asked for. Rounds are the method's steps of short fine-tuning.
    """

    energy: float = Field(0.99, gt=0, le=1)
    """Share of the squared singular values that the effective rank explains."""
    step: float = Field(0.1, gt=0, le=1)
    """Share of a layer's filters that go at a time."""
    least: float = Field(0.05, ge=0, le=1)
    """Redundancy below which a layer is left alone."""
    _products: dict[str, Tensor] = PrivateAttr(default_factory=dict)

    def score(self, context: Context) -> dict[str, Tensor]:
        names = list(context.units)
        of = {name: context.weights[name] for name in names}
        products = {name: w.new_zeros(len(w), len(w), dtype=torch.float64) for name, w in of.items()}
        totals = {name: torch.zeros_like(weight) for name, weight in of.items()}
        num = 0
        for num, gradients in enumerate(context.gradients_by_batch(of=of), 1):  # noqa: B007 (used after the loop)
            for name, gradient in gradients.items():
                rows = gradient.double().flatten(1)
                products[name] += rows @ rows.T
                totals[name] += gradient
        self._products = products
        return {name: (of[name].detach() * totals[name] / num).flatten(1).sum(1).abs() for name in names}

    def choose(self, context: Context, scores: Mapping[str, Tensor]) -> Masks:
        units, macs = {name: unit.clone() for name, unit in context.units.items()}, context.unit_macs()
        goal = round(context.kept_share * sum(unit.numel() for unit in units.values()))
        redundancy = {name: self._redundancy(name, unit) for name, unit in units.items()}
        allowed = {name: _num_redundant(rho, units[name]) for name, rho in redundancy.items()}
        while (surplus := num_kept(units) - goal) > 0:
            spare = {name: min(_num_redundant(rho, units[name]), allowed[name]) for name, rho in redundancy.items()}
            able = [name for name, rho in redundancy.items() if rho >= self.least and spare[name]]
            if not able:
                break
            name = max(able, key=lambda layer: redundancy[layer] * macs[layer] * int(units[layer].sum()))
            num = min(max(1, int(self.step * units[name].numel())), spare[name], surplus)
            ranked = scores[name].masked_fill(~units[name], torch.inf).argsort(stable=True)
            units[name][ranked[:num]] = False
            allowed[name] -= num
            redundancy[name] = self._redundancy(name, units[name])
        return context.without(units)

    def _redundancy(self, name: str, unit: Tensor) -> float:
        left = self._products[name][unit][:, unit]
        return 1 - effective_rank(left, self.energy) / len(left) if len(left) else 0.0


def _num_redundant(redundancy: float, unit: Tensor) -> int:
    return int(redundancy * int(unit.sum()) + 1e-9)


def effective_rank(products: Tensor, energy: float) -> int:
    """How many of the largest squared singular values make up a share of all of them.

    Args:
        products: (n, n), the rows' products with each other, whose eigenvalues the squares are.
        energy: the share.
    """
    squares = torch.linalg.eigvalsh(products).clamp_min(0).flip(0)
    return min(int((squares.cumsum(0) < energy * squares.sum() * (1 - 1e-12)).sum()) + 1, len(squares))
