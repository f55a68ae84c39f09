"""Taylor: how much the loss changes, to first order, if the weight goes. Source: Molchanov et al. 2019, arXiv:1906.10771."""

from __future__ import annotations

import torch
from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion


class Taylor(Criterion):
    """(w dL/dw)^2 of each batch, the mean over the batches.

    Squaring after the mean instead would be another criterion, that of SNIP (Lee et al. 2019, arXiv:1810.02340).
    """

    def score(self, context: Context) -> dict[str, Tensor]:
        totals = {name: torch.zeros_like(weight) for name, weight in context.weights.items()}
        num = 0
        for num, gradients in enumerate(context.gradients_by_batch(), 1):  # noqa: B007 (used after the loop)
            for name, weight in context.weights.items():
                totals[name] += (weight.detach() * gradients[name]).square()
        return {name: total / num for name, total in totals.items()}
