"""FORCE: how much the loss of the pruned network changes with a connection, which may also come back.

When: initialization.
Source: De Jorge et al. 2021, arXiv:2006.09081, where `schedule: geometric` takes 10 rounds or more that do not train.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion


class Force(Criterion):
    """|w_0 gbar|, w_0 the weights before the first round, gbar the mean gradient of the network as it is pruned now.

    Gradients reach weights that are zero, so each round chooses among all of them. Batch norm is as in training.
    """

    batches: int = Field(1, ge=1)
    """Of training images; one has as many as a step of fine-tuning."""
    grows_back: ClassVar[bool] = True

    def score(self, context: Context) -> dict[str, Tensor]:
        gradients, dense = context.gradients(training=True, num_batches=self.batches), context.dense()
        return {name: (dense[name].detach() * gradients[name]).abs() for name in context.names}
