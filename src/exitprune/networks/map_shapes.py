"""Which shapes the maps have that exits see, told without computing any.

Letters: C channels, H and W height and width.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from exitprune.networks.architectures import Architecture, Point
from exitprune.networks.spec import Spec
from exitprune.shapes_only import shapes_only

Shape = tuple[int, ...]
"""Of a map, of one image."""


def map_shapes(spec: Spec) -> list[Shape]:
    """The shape of the map that each exit sees, and of what the classifier takes, if the architecture says that.

    Raises:
        ValueError: if images of this size are too small for the architecture.
    """
    return _map_shapes(json.dumps({**spec.as_dict(), "pool": None}))


@cache
def _map_shapes(told: str) -> list[Shape]:
    spec = Spec.from_dict(json.loads(told))
    with shapes_only(spec.channels * spec.height * spec.width):
        try:
            return shapes_at(spec.build_base(), spec.exits, torch.zeros(1, spec.channels, spec.height, spec.width))
        except RuntimeError as error:
            raise ValueError(f"{spec.own.title} cannot take images of {spec.height} x {spec.width} ({error})") from None


@torch.no_grad()
def shapes_at(base: Architecture, points: Sequence[Point], images: Tensor) -> list[Shape]:
    """The shape of the map at each point."""
    shapes: list[Shape] = []

    def note(x: Tensor) -> Tensor:
        shapes.append(tuple(x.shape[1:]))
        return x

    modes = {module: module.training for module in base.modules()}
    base.eval().run(images, dict.fromkeys(points, note))
    for module, mode in modes.items():
        module.training = mode
    return shapes


def as_channels_first(shape: Shape, height: int, width: int) -> tuple[int, int, int] | None:
    """Which dimensions of a map are (C, H, W), of an image of that height and width; None: it has other dimensions.

    Of a map of two dimensions, tokens by channels, the tokens are the height; one of one dimension is all channels. In one of
    three, channels are first, unless height and width fit the image better when they are last.
    """
    if len(shape) == 1:
        return shape[0], 1, 1
    if len(shape) == 2:
        return shape[1], shape[0], 1
    if len(shape) != 3:
        return None
    first, last = (abs(math.log(h / w * width / height)) for h, w in (shape[1:], shape[:2]))
    return (shape[2], shape[0], shape[1]) if last < first else shape
