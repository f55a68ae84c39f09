"""EarlyCroP by filters: the filters stay that have most say in how the gradient flows.

When: early or initialization. Goes: filters only.
Source: Rachwan et al. 2022, arXiv:2206.10451, whose public code scores on test images; here they are training images.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field
from torch import Tensor

from exitprune.networks.masks import Masks
from exitprune.pruning.criteria import Context, Criterion
from exitprune.pruning.criteria._sparing import sparing
from exitprune.pruning.curvature import gradient_and_product


class EarlyCropFilters(Criterion):
    """|d(gbar^T g) / dc|, c = 1 a gate that multiplies the filter's weights, gbar held constant.

    By the chain rule it is the filter's sum of w H (m gbar), and of gbar^2, since its own gradient is multiplied by c too.
    Each layer keeps its best filter, whatever the others' scores are.
    """

    batches: int = Field(5, ge=1)
    """Of training images; one has as many as a step of fine-tuning."""

    def score(self, context: Context) -> dict[str, Tensor]:
        held, products = gradient_and_product(context, self.batches)
        return {
            name: (context.weights[name].detach() * products[name] + held[name].square()).flatten(1).sum(1).abs()
            for name in context.units
        }

    def choose(self, context: Context, scores: Mapping[str, Tensor]) -> Masks:
        return sparing(context, scores)
