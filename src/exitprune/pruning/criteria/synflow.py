"""SynFlow: how much of the flow through all layers goes through a weight; no image is looked at.

When: initialization.
Source: Tanaka et al. 2020, arXiv:2006.05467, where `schedule: geometric` takes 100 rounds that do not train.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from exitprune.networks.masks import weights
from exitprune.pruning.criteria import Context, Criterion


class Synflow(Criterion):
    """|w dR/dw| / R, R the sum of all exits' answers to an image of ones by the network with every number made positive."""

    def score(self, context: Context) -> dict[str, Tensor]:
        images, _ = next(iter(context.batches))
        positive = copy.deepcopy(context.network).double().eval().requires_grad_(False)
        with torch.no_grad():
            for number in positive.state_dict().values():
                number.abs_()
        by_name = {name: weights(positive)[name].requires_grad_() for name in context.names}
        flow = positive(torch.ones_like(images[:1], dtype=torch.float64)).sum()
        slopes = torch.autograd.grad(flow, list(by_name.values()))
        parts = zip(by_name.items(), slopes, strict=True)
        return {
            name: (weight * slope / flow).detach().float() for (name, weight), slope in parts
        }  # R is beyond float32
