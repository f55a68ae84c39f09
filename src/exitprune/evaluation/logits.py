"""Inference: the logits of every exit for a whole set of images. Sweeps and statistics work on these, never on a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork


def infer(network: EarlyExitNetwork, images: Images, batch_size: int = 256) -> Tensor:
    """Logits of all exits for all images, in order.

    Returns:
        (E, N, K) float32 on the CPU.
    """
    return infer_together([network], images, batch_size)[0]


@torch.inference_mode()
def infer_together(networks: Sequence[EarlyExitNetwork], images: Images, batch_size: int = 256) -> list[Tensor]:
    """Logits of networks that differ in their exit heads alone: the base network, which is the first one's, runs once.

    Returns:
        (E, N, K) float32 on the CPU, for each network.
    """
    for network in networks:
        network.eval()
    parts: list[list[Tensor]] = [[] for _ in networks]
    for pixels in torch.split(images.pixels, batch_size):
        maps, logits = networks[0].features(images.normalise(pixels))
        for network, of_network in zip(networks, parts, strict=True):
            of_network.append(network.classify(maps, logits))
    return [torch.cat(of_network, dim=1).cpu() for of_network in parts]


def share_a_base(one: EarlyExitNetwork, other: EarlyExitNetwork) -> bool:
    """Whether the base networks are the same bit for bit, running statistics included, and no gates look at images."""
    if one.spec.gated or other.spec.gated:
        return False
    theirs = other.base.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in one.base.state_dict().items())
