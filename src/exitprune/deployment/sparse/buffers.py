"""Which maps share memory: one that nobody takes any more makes room for another of the same layout.

Zeros around maps are written once, when memory is made, so only maps whose zeros lie in the same places share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exitprune.deployment.sparse.layout import Layout
from exitprune.deployment.sparse.steps import Combine, Constant, Convolution, Exit, Network, taken, target

LINE = 64
"""Bytes of a line of the cache; the widest vector is as long."""


@dataclass(frozen=True)
class Buffer:
    """Memory for maps.

    Attributes:
        layout: of its maps.
        channels: of the largest.
        stays: whether a map in it is taken after an exit: each group of images then has one of its own.
        constant: whether its map is the same for every image.
    """

    layout: Layout
    channels: int
    stays: bool
    constant: bool


@dataclass(frozen=True)
class Plan:
    """Buffers, which one each map is in, and which maps are taken after each exit but the last."""

    buffers: list[Buffer]
    place: list[int]
    staying: list[list[int]]


def plan(network: Network, layouts: Sequence[Layout], channels: Sequence[int]) -> Plan:
    """Share memory.

    Args:
        network: the steps.
        layouts, channels: of each map.
    """
    made_at, last = {0: -1}, dict.fromkeys(range(len(layouts)), -1)
    exits = [number for number, step in enumerate(network.steps) if isinstance(step, Exit)]
    for number, step in enumerate(network.steps):
        last |= dict.fromkeys(taken(step), number)
        if (made := target(step)) is not None:
            made_at[made] = number
    constants = {step.target for step in network.steps if isinstance(step, Constant)}
    moving = [value for value in made_at if value not in constants]
    staying = [[value for value in moving if made_at[value] < at < last[value]] for at in exits[:-1]]
    crossing = {value for values in staying for value in values}
    buffers: list[Buffer] = []
    free: list[int] = []
    place = [-1] * len(layouts)

    def give(value: int) -> None:
        layout, kind = layouts[value], (value in crossing, value in constants)
        for number in free:
            found = buffers[number]
            if (found.layout, found.stays, found.constant) == (layout, *kind) and not found.constant:
                free.remove(number)
                buffers[number] = Buffer(layout, max(found.channels, channels[value]), *kind)
                place[value] = number
                return
        place[value] = len(buffers)
        buffers.append(Buffer(layout, channels[value], *kind))

    give(0)
    for number, step in enumerate(network.steps):
        done = [value for value in set(taken(step)) if last[value] == number]
        # A sum may be written over what is added, but a convolution not over the map whose neighbours it still reads.
        early = [v for v in done if isinstance(step, Combine) or (isinstance(step, Convolution) and v != step.source)]
        free += [place[value] for value in early]
        made = target(step)
        if made is not None:
            give(made)
            if last[made] < 0:  # nobody takes it
                free.append(place[made])
        free += [place[value] for value in done if value not in early]
    return Plan(buffers, place, staying)


def aligned(length: int, before: int = 0) -> npt.NDArray[np.float32]:
    """Zeros whose element number `before` begins a line of the cache."""
    raw = np.zeros(4 * length + 2 * LINE, np.uint8)
    start = -(raw.ctypes.data + 4 * before) % LINE
    return raw[start : start + 4 * length].view(np.float32)
