"""What a network computes, as steps over maps: no torch, no lanes, no addresses.

Maps are numbered; each is made once, by one step, and number 0 is the normalised image. A step of stride 2 takes the map that
`Split` made: four channels for each, of the pixels in even and odd rows and columns. So every convolution has stride 1.

Letters: C and D channels before and after, H and W height and width of a map, K classes, g and h rows and columns of a grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Shape = tuple[int, int, int]
"""C, H, W of a map."""


@dataclass(frozen=True)
class Convolution:
    """3 x 3, one pixel of zeros around, stride 1; then a map is added, then what is below zero goes.

    Attributes:
        source, target: maps.
        weight: (D, C, 3, 3).
        bias: (D,).
        added: a map, or None.
        relu: whether what is below zero goes.
    """

    source: int
    target: int
    weight: Floats
    bias: Floats
    added: int | None = None
    relu: bool = True


@dataclass(frozen=True)
class Split:
    """(C, H, W) to (4 C, H / 2, W / 2), rounded up: even rows, even columns first; then odd columns; then odd rows."""

    source: int
    target: int


@dataclass(frozen=True)
class MaxPool:
    """The largest of each window; beyond the edge there is nothing."""

    source: int
    target: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    size: tuple[int, int]
    """Of the map that comes out."""


@dataclass(frozen=True)
class Combine:
    """Two maps added, or one map as it is; then what is below zero goes."""

    source: int
    target: int
    added: int | None = None
    relu: bool = False


@dataclass(frozen=True)
class Constant:
    """A map that is the same for every image, (C, H, W)."""

    target: int
    values: Floats


@dataclass(frozen=True)
class Exit:
    """A map averaged to a grid, and a linear layer.

    Attributes:
        source: the map.
        grid: g and h.
        weight: (K, C g h).
        bias: (K,).
    """

    source: int
    grid: tuple[int, int]
    weight: Floats
    bias: Floats


Step = Convolution | Split | MaxPool | Combine | Constant | Exit


@dataclass(frozen=True)
class Network:
    """Steps in order of execution, and the images that they are for.

    Attributes:
        shape: (C, H, W) of the images.
        mean, std: (C,), of the training pixels, in units of the full range.
        steps: the last is an exit.
    """

    shape: Shape
    mean: Floats
    std: Floats
    steps: tuple[Step, ...]

    @property
    def exits(self) -> list[Exit]:
        """In order."""
        return [step for step in self.steps if isinstance(step, Exit)]


def taken(step: Step) -> list[int]:
    """The maps that a step takes."""
    if isinstance(step, Constant):
        return []
    added = step.added if isinstance(step, Convolution | Combine) else None
    return [step.source] if added is None else [step.source, added]


def target(step: Step) -> int | None:
    """The map that a step makes, if it makes one."""
    return None if isinstance(step, Exit) else step.target
