"""Whether steps fit each other, and the shape of every map; whatever passes reads and writes nothing but its own maps.

Letters: C channels, H and W height and width of a map.
"""

from __future__ import annotations

from collections.abc import Sequence

from exitprune.deployment.sparse.steps import (
    Constant,
    Convolution,
    Exit,
    MaxPool,
    Network,
    Shape,
    Split,
    Step,
    taken,
    target,
)


def shapes_of(network: Network) -> list[Shape]:
    """(C, H, W) of each map.

    Raises:
        ValueError: if steps do not fit each other; whatever passes reads and writes nothing but its own maps.
    """
    shapes = [network.shape]
    _agree((network.mean.shape, network.std.shape), ((network.shape[0],),) * 2)
    for step in network.steps:
        if not all(0 <= number < len(shapes) for number in taken(step)):
            raise ValueError("a step takes a map that no step before it makes")
        made = shape_after(step, shapes)
        if made is not None:
            if target(step) != len(shapes) or min(made) < 1:
                raise ValueError(f"a step makes map {target(step)} of shape {made} where {len(shapes)} is next")
            shapes.append(made)
    exits = network.exits
    if not exits or network.steps[-1] is not exits[-1] or len({len(one.bias) for one in exits}) > 1:
        raise ValueError("the last step is no exit, or exits differ in their classes")
    return shapes


def shape_after(step: Step, shapes: Sequence[Shape]) -> Shape | None:
    """Of the map that a step makes; None: an exit makes none.

    Args:
        step: whatever it names exists already.
        shapes: of the maps so far.

    Raises:
        ValueError: if it does not fit the maps that it takes.
    """
    if isinstance(step, Constant):
        return _shape(step.values.shape)
    channels, height, width = shapes[step.source]
    if isinstance(step, Split):
        return 4 * channels, -(-height // 2), -(-width // 2)
    if isinstance(step, MaxPool):
        return _pooled(step, (channels, height, width))
    if isinstance(step, Exit):
        cells = channels * step.grid[0] * step.grid[1]
        _agree(step.weight.shape, (len(step.bias), cells))
        _agree((1 <= step.grid[0] <= height, 1 <= step.grid[1] <= width), (True, True))
        return None
    made = shapes[step.source]
    if isinstance(step, Convolution):
        _agree(step.weight.shape, (len(step.bias), channels, 3, 3))
        made = (len(step.bias), height, width)
    if step.added is not None:
        _agree(shapes[step.added], made)
    return made


def _pooled(step: MaxPool, shape: Shape) -> Shape:
    channels, *sides = shape
    for side, kernel, stride, padding, size in zip(
        sides, step.kernel, step.stride, step.padding, step.size, strict=True
    ):
        if not (
            kernel >= 1 and stride >= 1 and 0 <= padding < kernel and size >= 1 and (size - 1) * stride - padding < side
        ):
            raise ValueError(f"windows of {kernel} every {stride} from {-padding} do not give {size} of {side}")
    return channels, *step.size


def _shape(given: tuple[int, ...]) -> Shape:
    if len(given) != 3:
        raise ValueError(f"a map has a shape of three numbers, not {given}")
    channels, height, width = given
    return channels, height, width


def _agree(given: tuple[object, ...], wanted: tuple[object, ...]) -> None:
    if given != wanted:
        raise ValueError(f"{given} where {wanted} belongs")
