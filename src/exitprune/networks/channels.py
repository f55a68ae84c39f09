"""Channels that go together, and where layers hold them: the filters that make them, and the weights that read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

Role = Literal["makes", "passes", "reads"]
"""Filters that make the channels; filters of a depthwise convolution, that hand each on; inputs that read them."""


@dataclass(frozen=True)
class Place:
    """Where a layer's weights hold channels that go together.

    Attributes:
        layer: its name.
        role: what the layer does with the channels.
        start: of the first channel's weights along the dimension.
        cells: weights per channel along the dimension: more than one where a linear layer sees a map flattened.
    """

    layer: str
    role: Role
    start: int = 0
    cells: int = 1

    @property
    def dimension(self) -> int:
        """Of the layer's weights: 0, filters; 1, inputs."""
        return int(self.role == "reads")


@dataclass
class Channels:
    """Channels that go together.

    Attributes:
        size: how many there are.
        places: every layer that holds them, in order of execution.
        fixed: whether they must stay: the images' own, classes, and those that a grouped convolution mixes.
        seen_by_exits: whether an exit, the classifier included, looks at a map of them.
        can_be_constant: whether a channel that is one number all over its map is still one where it is read.
    """

    size: int
    places: list[Place] = field(default_factory=list)
    fixed: bool = False
    seen_by_exits: bool = False
    can_be_constant: bool = True

    def layers(self, role: Role) -> list[str]:
        """The names of the layers that do something with the channels."""
        return [place.layer for place in self.places if place.role == role]


def by_channel(tensor: Tensor, place: Place, size: int) -> Tensor:
    """A tensor of a layer's weights to (channels, weights of each): those that make, hand on or read it."""
    part = tensor.narrow(place.dimension, place.start, size * place.cells).movedim(place.dimension, 0)
    return part.reshape(size, -1)


def filled(tensors: Mapping[str, Tensor], channels: Channels) -> Tensor:
    """(channels,) bool: some layer has a weight for the channel.

    Args:
        tensors: masks by layer.
        channels: that go together.
    """
    rows = [by_channel(tensors[place.layer], place, channels.size).any(1) for place in channels.places]
    return torch.stack(rows).any(0)
