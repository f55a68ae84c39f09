"""Where pixels are: see `layout`."""

from __future__ import annotations

from exitprune.deployment.sparse.code import Code, Value
from exitprune.deployment.sparse.layout import Layout


def place_of(code: Code, base: Value, layout: Layout, channel: Value, y: Value, image: Value) -> Value:
    """The address of the first pixel of a row of an image.

    Args:
        code: the kernel.
        base: address of the map.
        layout: of the map.
        channel, y, image: which row of which channel and image.
    """
    beside = image
    if layout.parts > 1:
        part = code.number(layout.part)
        y, beside = code.b.urem(y, part), code.b.udiv(y, part)
    above = code.b.add(y, code.number(1))  # one row is around
    terms = ((channel, layout.size), (above, layout.row), (beside, layout.image))
    return code.at(base, code.sum(*(code.b.mul(number, code.number(lanes)) for number, lanes in terms)))


def put_edges(code: Code, layout: Layout, base: Value, first: Value, last: Value) -> None:
    """What the parts of a channel, side by side, see of their neighbours.

    Args:
        code: the kernel.
        layout: of the map.
        base: address of the channel.
        first, last: its rows, of all parts.
    """
    right = [code.lanes + lane if lane < layout.image else lane - layout.image for lane in range(code.lanes)]
    left = [lane + layout.image for lane in range(code.lanes)]  # past the last lane: zeros
    code.put(code.lanes_of(last, code.zeros, right), base)
    code.put(code.lanes_of(first, code.zeros, left), code.at(base, code.number((layout.rows + 1) * layout.row)))
