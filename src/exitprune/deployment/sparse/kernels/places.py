"""Where pixels are: see `layout`."""

from __future__ import annotations

from exitprune.deployment.sparse.code import Code, Value


def place_of(code: Code, base: Value, channel: Value, y: Value, image: Value, lanes: int, of: str = "") -> Value:
    """The address of the first pixel of a row of an image.

    Args:
        code: the kernel.
        base: address of the map.
        channel, y, image: which row of which channel and image.
        lanes: of one image in a row.
        of: `source_` for the map that a kernel takes, if it is of another layout than the one it makes.
    """
    size, row, part = (code.operand(f"{of}{name}") for name in ("size", "row", "part"))
    above = code.b.mul(code.b.add(code.b.urem(y, part), code.number(1)), row)  # one row is around
    beside = code.b.mul(code.b.add(image, code.b.udiv(y, part)), code.number(lanes))
    return code.at(base, code.sum(code.b.mul(channel, size), above, beside))
