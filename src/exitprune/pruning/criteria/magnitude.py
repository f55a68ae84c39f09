"""Magnitude: a weight matters as much as it is large. Source: Han et al. 2015, arXiv:1506.02626."""

from __future__ import annotations

from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion


class Magnitude(Criterion):
    """|w|."""

    def score(self, context: Context) -> dict[str, Tensor]:
        return {name: weight.detach().float().abs() for name, weight in context.weights.items()}
