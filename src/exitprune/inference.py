"""Inference: the logits of every exit for a whole set of images. Sweeps and statistics work on these, never on a network."""

from __future__ import annotations

import torch
from torch import Tensor

from exitprune.early_exit import EarlyExitNetwork
from exitprune.training import Images


@torch.inference_mode()
def infer(
    network: EarlyExitNetwork, images: Images, batch_size: int = 256, precision: torch.dtype = torch.float32
) -> Tensor:
    """Logits of all exits for all images, in order.

    Returns:
        (E, N, K) float32 on the CPU.
    """
    network.eval()
    parts = []
    for pixels in torch.split(images.pixels, batch_size):
        with torch.autocast(pixels.device.type, precision, enabled=precision != torch.float32):
            parts.append(network(images.normalise(pixels)).float())
    return torch.cat(parts, dim=1).cpu()
