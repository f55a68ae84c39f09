"""How large a network will be, told before any work: for estimates of time and disk space. Nothing is drawn or computed."""

from __future__ import annotations

from dataclasses import dataclass

from exitprune.config.model import BaseNetwork
from exitprune.variants import variant

CHANNELS, CLASSES = 3, 10  # a guess: they change the first and the last layer alone


@dataclass(frozen=True)
class Size:
    """Layers that hold a matrix of weights, numbers to keep in all, channels after the first layer and at most."""

    layers: int
    numbers: int
    first: int
    widest: int


def size_of(network: BaseNetwork) -> Size:
    """Of a network without early exits."""
    from exitprune.shapes_only import (
        shapes_only,  # imports torch, which takes seconds that not every import of this should
    )

    with shapes_only():
        made = variant("architectures", network.architecture).build(network.own, CHANNELS, CLASSES)
    layers = sum(parameter.ndim > 1 for parameter in made.parameters())
    channels = [parameter.shape[0] for parameter in made.parameters() if parameter.ndim == 4]
    return Size(layers, sum(tensor.numel() for tensor in made.state_dict().values()), channels[0], max(channels))
