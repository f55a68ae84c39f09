"""EarlyCroP: the weights stay that have most say in how the gradient flows.

When: early or initialization. Goes: weights only.
Source: Rachwan et al. 2022, arXiv:2206.10451, whose public code scores on test images; here they are training images.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion
from exitprune.pruning.curvature import gradient_and_product


class EarlyCrop(Criterion):
    """|w H (m gbar)|. In its rounds nothing is trained: `schedule: halving`, with no epochs of fine-tuning."""

    batches: int = Field(5, ge=1)
    """Of training images; one has as many as a step of fine-tuning."""

    def score(self, context: Context) -> dict[str, Tensor]:
        _, products = gradient_and_product(context, self.batches)
        return {name: (weight.detach() * products[name]).abs() for name, weight in context.weights.items()}
