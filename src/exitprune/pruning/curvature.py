"""Curvature of the loss along its own gradient: what pruning would do to the gradient, not to the loss.

Letters: g gradient of the loss of the exits that the round trains, H its Hessian, both over the weights to score; m masks.
"""

from __future__ import annotations

from itertools import islice

import torch
from torch import Tensor

from exitprune.pruning.criteria import Context


def gradient_and_product(context: Context, num_batches: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """m gbar and H (m gbar), gbar the sum of the gradients of the first batches, H that of their Hessians.

    The product is the gradient of gbar^T g where gbar is held constant. In evaluation mode.

    Args:
        context: of the round.
        num_batches: how many.
    """
    sums: dict[str, Tensor] = {}
    for gradients in context.gradients_by_batch(num_batches=num_batches):
        sums = {name: sums[name] + part if sums else part for name, part in gradients.items()}
    held = {name: total * context.masks[name] for name, total in sums.items()}
    products = {name: torch.zeros_like(total) for name, total in sums.items()}
    with context.learning() as by_name:
        for images, labels in islice(context.batches, num_batches):
            loss = context.loss(images, labels)
            gradient = torch.autograd.grad(loss, list(by_name.values()), create_graph=True)
            along = torch.stack([(part * held[name]).sum() for name, part in zip(by_name, gradient, strict=True)]).sum()
            for name, part in zip(by_name, torch.autograd.grad(along, list(by_name.values())), strict=True):
                products[name] += part
    return held, products
