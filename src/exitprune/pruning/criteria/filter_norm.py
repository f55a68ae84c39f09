"""Filter norm: a filter matters as much as its own weights are large.

Goes: filters only.
Source: Shen et al. 2022, arXiv:2110.12007, the magnitude that its early pruning ranks by.
"""

from __future__ import annotations

from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion


class FilterNorm(Criterion):
    """||w||_2 / sqrt(weights of a filter), so that layers can be compared; the weights that read the filter have no say."""

    def score(self, context: Context) -> dict[str, Tensor]:
        weights = context.weights
        return {name: weights[name].detach().float().square().flatten(1).mean(1).sqrt() for name in context.units}
