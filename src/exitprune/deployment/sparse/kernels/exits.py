"""What an exit does: averages, a linear layer, softmax; and whether an image that is alone leaves.

Letters: V lanes of a vector, K classes, F features (channels times cells of the grid).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exitprune.deployment.sparse.code import Code, Value
from exitprune.deployment.sparse.kernels.places import place_of
from exitprune.deployment.sparse.layout import Layout

UNROLLED = 4
"""Sums that are added up independently of each other: F is a multiple of it, filled up with zeros."""


@dataclass(frozen=True)
class Average:
    """A map to its averages over the cells of a grid, for each image of a group.

    `weights` are by how much each lane counts, (rows of cells, columns of cells, lanes of an image); `counts` where each row of
    cells begins and ends, (rows of cells, 2) int64.
    """

    taken: Layout

    def write(self, code: Code) -> None:
        lanes = min(code.lanes, self.taken.image)
        vector = code.ir.VectorType(code.float, lanes)
        starts = [code.number(start) for start in range(0, self.taken.image, lanes)]
        channels, height, width = (code.operand(name) for name in ("inputs", "height", "width"))
        cells, features = code.b.mul(height, width), code.operand("outputs")

        def cell_row(image: Value, channel: Value, number: Value) -> None:
            window = code.at(code.operand("counts"), code.b.mul(number, code.number(2)), code.long)
            begin, end = (code.b.load(code.at(window, code.number(n), code.long), typ=code.long) for n in (0, 1))
            source = code.operand("source")

            def one_row(y: Value, sums: list[Value]) -> Sequence[Value]:
                line = place_of(code, source, self.taken, channel, y, image)
                found = [code.take(code.at(line, start), vector) for start in starts]
                return [code.b.fadd(total, value) for total, value in zip(sums, found, strict=True)]

            zeros = code.ir.Constant(vector, [0.0] * lanes)
            sums = code.count(end, one_row, [zeros] * len(starts), start=begin)
            place = code.sum(
                code.b.mul(image, features),
                code.b.mul(channel, cells),
                code.b.mul(number, width),
            )
            target = code.at(code.operand("target"), place)

            def cell(column: Value) -> None:
                which = code.b.add(code.b.mul(number, width), column)
                weights = code.at(code.operand("weights"), code.b.mul(which, code.number(self.taken.image)))
                total = zeros
                for start, value in zip(starts, sums, strict=True):
                    total = code.multiply_add(value, code.take(code.at(weights, start), vector), total)
                code.put(code.added_up(total), code.at(target, column))

            code.each(width, cell)

        images = code.number(self.taken.together)
        code.each(images, lambda n: code.each(channels, lambda c: code.each(height, lambda i: cell_row(n, c, i))))
        code.stays()


@dataclass(frozen=True)
class Leave:
    """Features to class, confidence and logits of each image of a group; whether the image, if it is alone, leaves.

    `weights` are (F, K), each row filled up to whole vectors; `target` holds the logits of one image meanwhile.
    """

    together: int

    def write(self, code: Code) -> None:
        features, classes = code.operand("inputs"), code.operand("outputs")
        filled = code.operand("width")  # K, up to whole vectors
        logits, confidence = code.operand("target"), code.real(0.0)

        def vector(source: Value, start: Value) -> None:
            def some(number: Value, sums: list[Value]) -> Sequence[Value]:
                added = []
                for offset, total in enumerate(sums):
                    which = code.b.add(number, code.number(offset))
                    factor = code.splat(code.b.load(code.at(source, which), typ=code.float))
                    place = code.b.add(code.b.mul(which, filled), start)
                    added.append(code.multiply_add(factor, code.take(code.at(code.operand("weights"), place)), total))
                return added

            bias = code.take(code.at(code.operand("bias"), start))
            first, *others = code.count(features, some, [bias, *[code.zeros] * (UNROLLED - 1)], by=UNROLLED)
            for other in others:
                first = code.b.fadd(first, other)
            code.put(first, code.at(logits, start))

        def highest(number: Value, found: list[Value]) -> Sequence[Value]:
            most, where = found
            value = code.b.load(code.at(logits, number), typ=code.float)
            higher = code.b.fcmp_ordered(">", value, most)
            return [code.b.select(higher, value, most), code.b.select(higher, number, where)]

        def image(number: Value, _: list[Value]) -> Sequence[Value]:
            source = code.at(code.operand("source"), code.b.mul(number, features))
            code.each(filled, lambda start: vector(source, start), by=code.lanes)
            most, where = code.count(classes, highest, [code.real(float("-inf")), code.number(0)])
            which = code.b.add(code.b.mul(code.group, code.number(self.together)), number)
            kept = code.at(code.of_call("logits"), code.b.mul(which, classes))

            def share(number: Value, total: list[Value]) -> Sequence[Value]:
                value = code.b.load(code.at(logits, number), typ=code.float)
                code.put(value, code.at(kept, number))
                power = code.b.call(code.intrinsic("exp", code.float, 1), [code.b.fsub(value, most)])
                return [code.b.fadd(total[0], power)]

            (total,) = code.count(classes, share, [code.real(0.0)])
            sure = code.b.fdiv(code.real(1.0), total)
            code.put(where, code.at(code.of_call("class"), which, code.long))
            code.put(sure, code.at(code.of_call("confidence"), which))
            code.put(code.operand("exit"), code.at(code.of_call("exit"), which, code.long))
            return [sure]

        (confidence,) = code.count(code.number(self.together), image, [confidence])
        if self.together > 1:
            code.stays()
        else:
            code.b.ret(code.b.fcmp_ordered(">", confidence, code.of_call("threshold")))
