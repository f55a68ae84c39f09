"""What happens to maps besides convolutions: plain loops over pixels, which LLVM turns into vectors where it can.

Little time goes here. Lanes of no image are not written, and stay zero.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exitprune.deployment.sparse.code import Code, Value
from exitprune.deployment.sparse.kernels.places import place_of

LOWEST = float("-inf")


@dataclass(frozen=True)
class Load:
    """Pixels of the images of a group to the first map, normalised as training does: (pixel / 255 - mean) / std."""

    together: int
    image: int

    def write(self, code: Code) -> None:
        channels, height, width = (code.operand(name) for name in ("inputs", "height", "width"))
        pixels, means, stds = code.of_call("pixels"), code.operand("bias"), code.operand("weights")
        first = code.b.mul(code.group, code.number(self.together))
        byte = code.ir.IntType(8)

        def row(image: Value, channel: Value, y: Value) -> None:
            mean, std = (code.b.load(code.at(values, channel), typ=code.float) for values in (means, stds))
            numbered = code.b.add(code.b.mul(code.b.add(first, image), channels), channel)
            source = code.at(pixels, code.b.mul(code.b.add(code.b.mul(numbered, height), y), width), byte)
            target = place_of(code, code.operand("target"), channel, y, image, self.image)

            def pixel(x: Value) -> None:
                value = code.b.uitofp(code.b.load(code.at(source, x, byte), typ=byte), code.float)
                centred = code.b.fsub(code.b.fdiv(value, code.real(255.0)), mean)
                code.put(code.b.fdiv(centred, std), code.at(target, x))

            code.each(width, pixel)

        images = code.number(self.together)
        code.each(images, lambda n: code.each(channels, lambda c: code.each(height, lambda y: row(n, c, y))))
        code.stays()


@dataclass(frozen=True)
class Split:
    """A map to four: pixels of even and odd rows and columns. Beyond an odd edge zeros are read."""

    together: int
    source_image: int
    image: int

    def write(self, code: Code) -> None:
        two = code.number(2)

        def pixel(at: tuple[Value, Value, Value], odd: Value, image: Value, source: Value) -> Callable[[Value], None]:
            channel, y, parity = at
            planes = code.sum(code.b.mul(channel, code.number(4)), code.b.mul(parity, two), odd)
            target = place_of(code, code.operand("target"), planes, y, image, self.image)

            def one(x: Value) -> None:
                value = code.b.load(code.at(source, code.b.add(code.b.mul(x, two), odd)), typ=code.float)
                code.put(value, code.at(target, x))

            return one

        def row(channel: Value, y: Value, parity: Value, image: Value) -> None:
            below = code.b.add(code.b.mul(y, two), parity)
            source = place_of(code, code.operand("source"), channel, below, image, self.source_image, "source_")
            width = code.operand("width")
            for odd in (0, 1):
                code.each(width, pixel((channel, y, parity), code.number(odd), image, source))

        def rows(channel: Value, y: Value) -> None:
            for parity in (0, 1):
                code.each(code.number(self.together), lambda n, odd=parity: row(channel, y, code.number(odd), n))  # type: ignore[misc]

        channels, height = code.operand("inputs"), code.operand("height")
        code.each(channels, lambda c: code.each(height, lambda y: rows(c, y)))
        code.stays()


@dataclass(frozen=True)
class MaxPool:
    """The largest pixel of each window. A window beyond the edge looks at the edge again: that changes no maximum."""

    together: int
    source_image: int
    image: int
    source_height: int
    source_width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    def write(self, code: Code) -> None:
        def clamped(number: Value, side: int, offset: int) -> Value:
            """number x stride + offset, inside the map."""
            strides = (self.stride, self.padding, (self.source_height, self.source_width))
            stride, padding, most = (pair[side] for pair in strides)
            place = code.b.add(code.b.mul(number, code.number(stride)), code.number(offset - padding))
            zero, last = code.number(0), code.number(most - 1)
            place = code.b.select(code.b.icmp_signed("<", place, zero), zero, place)
            return code.b.select(code.b.icmp_signed(">", place, last), last, place)

        def row(channel: Value, y: Value, image: Value) -> None:
            source = code.operand("source")
            rows = [clamped(y, 0, offset) for offset in range(self.kernel[0])]
            above = [place_of(code, source, channel, line, image, self.source_image, "source_") for line in rows]
            target = place_of(code, code.operand("target"), channel, y, image, self.image)

            def pixel(x: Value) -> None:
                columns = [clamped(x, 1, offset) for offset in range(self.kernel[1])]
                found = [code.b.load(code.at(line, column), typ=code.float) for line in above for column in columns]
                highest, *others = found
                for other in others:
                    highest = code.at_least(other, highest)
                code.put(highest, code.at(target, x))

            code.each(code.operand("width"), pixel)

        channels, height, images = code.operand("inputs"), code.operand("height"), code.number(self.together)
        code.each(channels, lambda c: code.each(height, lambda y: code.each(images, lambda n: row(c, y, n))))
        code.stays()


@dataclass(frozen=True)
class Edges:
    """The rows around a map whose parts lie side by side: what each part sees of its neighbours."""

    image: int

    def write(self, code: Code) -> None:
        """The kernel."""
        channels, size, row, rows = (code.operand(name) for name in ("inputs", "size", "row", "height"))
        lanes = range(code.lanes)
        right = [code.lanes + lane if lane < self.image else lane - self.image for lane in lanes]
        left = [lane + self.image for lane in lanes]  # past the last lane: zeros

        def channel(number: Value) -> None:
            above = code.at(code.operand("target"), code.b.mul(number, size))
            first, last = code.at(above, row), code.at(above, code.b.mul(rows, row))
            code.put(code.lanes_of(code.take(last), code.zeros, right), above)
            code.put(code.lanes_of(code.take(first), code.zeros, left), code.at(last, row))

        code.each(channels, channel)
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
