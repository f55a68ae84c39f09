"""GraSP: the weights stay without which the gradient would be smaller.

When: initialization. Form: in the spirit of it.
Source: Wang et al. 2020, arXiv:2002.07376, which scales logits down and draws as many images of each class.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion
from exitprune.pruning.curvature import gradient_and_product


class Grasp(Criterion):
    """w (H g): how much less ||g||^2 there is, to first order, if the weight goes. Negative ones stand in its way."""

    batches: int = Field(5, ge=1)
    """Of training images; one has as many as a step of fine-tuning."""

    def score(self, context: Context) -> dict[str, Tensor]:
        _, products = gradient_and_product(context, self.batches)
        return {name: weight.detach() * products[name] for name, weight in context.weights.items()}
