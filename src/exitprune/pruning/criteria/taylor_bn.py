"""Taylor on batch norm: a filter matters as much as the loss changes, to first order, if its scale and shift go.

Goes: filters only.
Source: Molchanov et al. 2019, arXiv:1906.10771; absolute per batch, as Shen et al. 2022, arXiv:2110.12007, rank by gradients.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from exitprune.errors import BadInput
from exitprune.networks.gates import behind
from exitprune.pruning.criteria import Context, Criterion


class TaylorBn(Criterion):
    """|gamma dL/dgamma + beta dL/dbeta| of each batch, batch norm as in training; the mean over the batches."""

    looks_behind: ClassVar[bool] = True

    def score(self, context: Context) -> dict[str, Tensor]:
        after = behind(context.network)
        for name in context.units:
            if not isinstance(after[name], nn.BatchNorm2d):
                raise BadInput(f"criterion taylor_bn: {name} has no batch norm behind it; score its weights: taylor")
        both = {(name, part): after[name].get_parameter(part) for name in context.units for part in ("weight", "bias")}
        totals = {name: torch.zeros_like(both[name, "weight"]) for name in context.units}
        num = 0
        for num, gradients in enumerate(context.gradients_by_batch(training=True, of=both), 1):  # noqa: B007
            for name in totals:
                parts = [both[name, part].detach() * gradients[name, part] for part in ("weight", "bias")]
                totals[name] += (parts[0] + parts[1]).abs()
        return {name: total / num for name, total in totals.items()}
