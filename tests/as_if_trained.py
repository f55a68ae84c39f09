"""For tests of inference: networks that behave like trained ones without training, and images for them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights


def noise(network: EarlyExitNetwork, num_images: int, seed: int = 0) -> Tensor:
    """(N, C, H, W) normalised images, channels last, no two alike."""
    spec = network.spec
    draw = torch.Generator().manual_seed(seed)
    images = torch.randn(num_images, spec.channels, spec.height, spec.width, generator=draw)
    contrast = torch.rand(num_images, 1, 1, 1, generator=draw) * 4  # or all images would be equally hard
    return (images * contrast).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def enliven_(network: EarlyExitNetwork, seed: int = 0) -> EarlyExitNetwork:
    """Draw scales and shifts of batch norm, settle its statistics on noise, and spread confidences."""
    draw = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.copy_(torch.rand(module.weight.shape, generator=draw) + 0.5)
            module.bias.copy_(torch.randn(module.bias.shape, generator=draw) * 0.3)
            module.momentum = None
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.train()
    for number in range(3):
        network(noise(network, 32, seed=100 * seed + number))
    return spread_confidences_(network, seed)


@torch.no_grad()
def spread_confidences_(network: EarlyExitNetwork, seed: int = 0) -> EarlyExitNetwork:
    """Scale and shift the heads, so that images differ in the class answered and in confidence."""
    network.eval()
    logits = network(noise(network, 64, seed=seed + 1))  # (E, N, K)
    for number, head in enumerate(_heads(network)):
        scale = (1.5 + number / 2) / logits[number].std(0)  # later exits are surer
        head.weight.mul_(scale.reshape(-1, 1))
        head.bias.sub_(logits[number].mean(0)).mul_(scale)
    return network


def _heads(network: EarlyExitNetwork) -> list[nn.Linear]:
    return [module for module in [*network.exits.modules(), network.base.fc] if isinstance(module, nn.Linear)]


@torch.no_grad()
def empty_(network: EarlyExitNetwork, seed: int = 0, share: float = 0.3) -> EarlyExitNetwork:
    """Zero a share of the filters and of the input channels of every convolution, and columns of every linear layer."""
    draw = torch.Generator().manual_seed(seed)
    for weight in weights(network).values():
        goes = torch.rand(weight.shape[1], generator=draw) < share
        weight[:, goes] = 0
        if weight.dim() == 4:
            weight[torch.rand(weight.shape[0], generator=draw) < share] = 0
    return network


def thresholds_between(confidence: Tensor) -> list[float]:
    """Fourteen thresholds: the extremes, and twelve between, from low to high, in wide gaps of all confidences.

    In a gap no confidence is within rounding of the threshold, so every way of computing sends images the same way.
    """
    there = confidence.flatten().double().sort().values
    chosen = []
    for part in there.tensor_split(12):
        widest = int(part.diff().argmax())
        chosen.append(float(part[widest : widest + 2].mean()))
    return [-1.0, *chosen, 1.0]
