"""What happens to maps besides convolutions: plain loops over pixels, which LLVM turns into vectors where it can.

Little time goes here. Lanes of no image are not written, and stay zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from exitprune.deployment.sparse.code import Code, Value
from exitprune.deployment.sparse.kernels.places import place_of, put_edges
from exitprune.deployment.sparse.layout import Layout

LOWEST = float("-inf")


@dataclass(frozen=True)
class Load:
    """Pixels of the images of a group to the first map, normalised as training does: (pixel / 255 - mean) / std."""

    made: Layout

    def write(self, code: Code) -> None:
        channels, height, width = code.operand("inputs"), code.number(self.made.height), code.number(self.made.width)
        pixels, means, stds = code.of_call("pixels"), code.operand("bias"), code.operand("weights")
        images, byte = code.number(self.made.together), code.ir.IntType(8)
        first = code.b.mul(code.group, images)

        def row(image: Value, channel: Value, y: Value) -> None:
            mean, std = (code.b.load(code.at(values, channel), typ=code.float) for values in (means, stds))
            numbered = code.b.add(code.b.mul(code.b.add(first, image), channels), channel)
            source = code.at(pixels, code.b.mul(code.b.add(code.b.mul(numbered, height), y), width), byte)
            target = place_of(code, code.operand("target"), self.made, channel, y, image)

            def pixel(x: Value) -> None:
                value = code.b.uitofp(code.b.load(code.at(source, x, byte), typ=byte), code.float)
                centred = code.b.fsub(code.b.fdiv(value, code.real(255.0)), mean)
                code.put(code.b.fdiv(centred, std), code.at(target, x))

            code.each(width, pixel)

        code.each(images, lambda n: code.each(channels, lambda c: code.each(height, lambda y: row(n, c, y))))
        code.stays()


@dataclass(frozen=True)
class Split:
    """A map to four: pixels of even and odd rows and columns. Beyond an odd edge zeros are read."""

    taken: Layout
    made: Layout

    def write(self, code: Code) -> None:
        lanes = min(code.lanes, self.made.image)
        vector, two = code.ir.VectorType(code.float, lanes), code.number(2)

        def row(channel: Value, y: Value, image: Value, parity: int) -> None:
            below = code.b.add(code.b.mul(y, two), code.number(parity))
            source = place_of(code, code.operand("source"), self.taken, channel, below, image)
            plane = code.b.add(code.b.mul(channel, code.number(4)), code.number(2 * parity))
            planes = [code.b.add(plane, code.number(odd)) for odd in (0, 1)]
            targets = [place_of(code, code.operand("target"), self.made, one, y, image) for one in planes]
            for x in range(0, self.made.image, lanes):
                first = code.take(code.at(source, code.number(2 * x)), vector)
                more = 2 * x + lanes < self.taken.image  # else the map taken ends in the middle of these lanes
                second = code.take(code.at(source, code.number(2 * x + lanes)), vector) if more else vector(None)
                for odd, target in enumerate(targets):
                    chosen = code.lanes_of(first, second, range(odd, 2 * lanes, 2))
                    code.put(chosen, code.at(target, code.number(x)))

        def rows(channel: Value, y: Value, image: Value) -> None:
            for parity in (0, 1):
                row(channel, y, image, parity)

        channels, height, images = (
            code.operand("inputs"),
            code.number(self.made.height),
            code.number(self.made.together),
        )
        code.each(channels, lambda c: code.each(height, lambda y: code.each(images, lambda n: rows(c, y, n))))
        code.stays()


@dataclass(frozen=True)
class MaxPool:
    """The largest pixel of each window. A window beyond the edge looks at the edge again: that changes no maximum."""

    taken: Layout
    made: Layout
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def write(self, code: Code) -> None:
        def clamped(number: Value, side: int, offset: int) -> Value:
            """number x stride + offset, inside the map."""
            sides = (self.taken.height, self.taken.width)
            stride, padding, most = (pair[side] for pair in (self.stride, self.padding, sides))
            place = code.b.add(code.b.mul(number, code.number(stride)), code.number(offset - padding))
            zero, last = code.number(0), code.number(most - 1)
            place = code.b.select(code.b.icmp_signed("<", place, zero), zero, place)
            return code.b.select(code.b.icmp_signed(">", place, last), last, place)

        def row(channel: Value, y: Value, image: Value) -> None:
            source = code.operand("source")
            rows = [clamped(y, 0, offset) for offset in range(self.kernel[0])]
            above = [place_of(code, source, self.taken, channel, line, image) for line in rows]
            target = place_of(code, code.operand("target"), self.made, channel, y, image)

            def pixel(x: Value) -> None:
                columns = [clamped(x, 1, offset) for offset in range(self.kernel[1])]
                found = [code.b.load(code.at(line, column), typ=code.float) for line in above for column in columns]
                highest, *others = found
                for other in others:
                    highest = code.at_least(other, highest)
                code.put(highest, code.at(target, x))

            code.each(code.number(self.made.width), pixel)

        channels, height, images = (
            code.operand("inputs"),
            code.number(self.made.height),
            code.number(self.made.together),
        )
        code.each(channels, lambda c: code.each(height, lambda y: code.each(images, lambda n: row(c, y, n))))
        code.stays()


@dataclass(frozen=True)
class Edges:
    """The rows around a map whose parts lie side by side: what each part sees of its neighbours."""

    made: Layout

    def write(self, code: Code) -> None:
        def channel(number: Value) -> None:
            base = code.at(code.operand("target"), code.b.mul(number, code.number(self.made.size)))
            rows = [code.take(code.at(base, code.number(row * self.made.row))) for row in (1, self.made.rows)]
            put_edges(code, self.made, base, *rows)

        code.each(code.operand("inputs"), channel)
        code.stays()


@dataclass(frozen=True)
class Combine:
    """All lanes of a map: another map added, then what is below zero set to zero; what is around them likewise."""

    adds: bool

    def write(self, code: Code) -> None:
        source, target = code.operand("source"), code.operand("target")
        added = code.operand("added") if self.adds else None
        relu = code.b.icmp_unsigned("!=", code.operand("relu"), code.number(0))
        low = code.splat(code.b.select(relu, code.real(0.0), code.real(LOWEST)))

        def vector(start: Value) -> None:
            value = code.take(code.at(source, start))
            if added is not None:
                value = code.b.fadd(value, code.take(code.at(added, start)))
            code.put(code.at_least(value, low), code.at(target, start))

        code.each(code.operand("area"), vector, by=code.lanes)
        code.stays()


@dataclass(frozen=True)
class Move:
    """The map of one image to the place of another, in the same group or not; `source` and `target` are their first lanes."""

    layout: Layout

    def write(self, code: Code) -> None:
        lanes = min(code.lanes, self.layout.image)
        vector = code.ir.VectorType(code.float, lanes)
        first = code.number(0)

        def row(channel: Value, y: Value) -> None:
            source, target = (
                place_of(code, code.operand(name), self.layout, channel, y, first) for name in ("source", "target")
            )
            for x in range(0, self.layout.image, lanes):
                code.put(code.take(code.at(source, code.number(x)), vector), code.at(target, code.number(x)))

        height = code.number(self.layout.height)
        code.each(code.operand("inputs"), lambda c: code.each(height, lambda y: row(c, y)))
        code.stays()
