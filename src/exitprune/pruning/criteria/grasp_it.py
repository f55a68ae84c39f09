"""GraSP-It: the weights stay along which the pruned network's loss is steepest.

When: initialization.
Source: De Jorge et al. 2021, arXiv:2006.09081, where `schedule: geometric` takes 10 rounds or more that do not train.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion


class GraspIt(Criterion):
    """gbar ** 2, gbar the mean gradient over the batches, with batch norm as in training. What is gone stays gone."""

    batches: int = Field(1, ge=1)
    """Of training images; one has as many as a step of fine-tuning."""

    def score(self, context: Context) -> dict[str, Tensor]:
        gradients = context.gradients(training=True, num_batches=self.batches)
        return {name: gradient.square() for name, gradient in gradients.items()}
