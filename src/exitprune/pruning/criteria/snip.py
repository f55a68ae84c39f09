"""SNIP: how much the loss changes with a weight's connection; in several rounds that do not train, iterative SNIP.

When: initialization.
Source: Lee et al. 2019, arXiv:1810.02340; in rounds, De Jorge et al. 2021, arXiv:2006.09081.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion


class Snip(Criterion):
    """|w gbar|, gbar the mean gradient over the batches, with batch norm as in training. What is gone stays gone.

    Rounds of iterative SNIP keep k ** (t / T) after round t of T: `schedule: geometric`, with no epochs of fine-tuning.
    """

    batches: int = Field(1, ge=1)
    """Of training images; one has as many as a step of fine-tuning."""

    def score(self, context: Context) -> dict[str, Tensor]:
        gradients = context.gradients(training=True, num_batches=self.batches)
        return {name: (weight.detach() * gradients[name]).abs() for name, weight in context.weights.items()}
