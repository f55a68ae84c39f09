"""Taylor: how much the loss changes, to first order, if the weight goes. Source: Molchanov et al. 2019, arXiv:1906.10771."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.training.losses import exit_loss


def score(
    network: EarlyExitNetwork,
    names: Iterable[str],
    batches: Iterable[tuple[Tensor, Tensor]],
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """(w dL/dw)^2, the gradient summed over the batches and L the loss of all exits, batch norm in evaluation mode."""
    every = weights(network)
    by_name = {name: every[name] for name in names}
    was_training = network.training
    network.eval()
    totals = {name: torch.zeros_like(weight) for name, weight in by_name.items()}
    for weight in by_name.values():
        weight.requires_grad_(True)
    num_images = 0
    for images, labels in batches:
        num_images += len(labels)
        gradients = torch.autograd.grad(exit_loss(network(images), labels), list(by_name.values()))
        for total, gradient in zip(totals.values(), gradients, strict=True):
            total.add_(gradient)
    network.train(was_training)
    if not num_images:
        raise ValueError("no batches were given, and without a gradient every score is 0")
    return {name: (by_name[name].detach() * total).square() for name, total in totals.items()}
