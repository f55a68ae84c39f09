"""The convolution: all that costs time.

    for each chunk of P vectors of the map:
        for each output channel:
            for each of its three lists:
                sums = P vectors of zeros
                for each two (offset, weight) of the list:
                    sums += weight * P vectors of the input, offset lanes further
            shift the sums of columns 0 and 2 by a lane, add all up; the map that is added; ReLU; store

The innermost line is P multiply-adds whose other factor comes straight from memory. P sums are independent, so the processor
need not wait for one to be ready; where a map has too few, two or four entries have sums of their own. Loads are what limits:
so the offsets of two entries are one load, and their weights another.

What may go wrong when this is changed: `packing.pack` writes what is read here (order of columns, offsets, lists filled up to
`at_once`), and P sums, a weight and a factor must fit the registers, or LLVM spills them to memory (`machine.assembly` shows it).

Letters: V lanes of a vector, P vectors of a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exitprune.deployment.sparse.code import Code, Value
from exitprune.deployment.sparse.kernels.places import put_edges
from exitprune.deployment.sparse.layout import Layout

LOWEST = float("-inf")


@dataclass(frozen=True)
class Convolution:
    """What a kernel is made for: steps that agree in these share it."""

    made: Layout
    """Of the map taken, too, and of the one that is added."""
    adds: bool
    """Whether a map is added."""

    def write(self, code: Code) -> None:
        """The kernel."""
        channels, size, row = code.operand("outputs"), code.number(self.made.size), code.number(self.made.row)
        source, bias, entries, counts = (code.operand(name) for name in ("source", "bias", "weights", "counts"))
        added = code.operand("added") if self.adds else None
        mask = code.operand("mask") if self.made.is_padded else None
        target = code.operand("target")
        relu = code.b.icmp_unsigned("!=", code.operand("relu"), code.number(0))
        low = code.splat(code.b.select(relu, code.real(0.0), code.real(LOWEST)))  # a choice, not a branch, per vector

        def chunk(start: Value) -> None:
            origin = code.at(source, start)  # what kernel row 0 sees: a row above the outputs, of zeros at first

            def channel(number: Value, carried: list[Value]) -> Sequence[Value]:
                entry, count = carried  # lists follow one another: where this one ends the next begins
                first = code.splat(code.b.load(code.at(bias, number), typ=code.float))
                entry, total = self._through(code, origin, entry, count, 0, [first] * self.made.chunk)
                for place, shifted in ((1, self._right), (2, self._left)):
                    entry, sums = self._through(code, origin, entry, count, place, [code.zeros] * self.made.chunk)
                    total = [code.b.fadd(one, other) for one, other in zip(total, shifted(code, sums), strict=True)]
                place = code.sum(code.b.mul(number, size), row, start)  # below the row of zeros
                stored = []
                for vector, value in enumerate(total):
                    here = code.sum(place, code.number(vector * code.lanes))
                    if added is not None:
                        value = code.b.fadd(value, code.take(code.at(added, here)))
                    value = code.at_least(value, low)
                    if mask is not None:
                        inside = code.sum(start, code.number(vector * code.lanes))
                        value = _inside(code, value, code.at(mask, inside))
                    code.put(value, code.at(target, here))
                    stored.append(value)
                if self.made.is_one_chunk:
                    put_edges(code, self.made, code.at(target, code.b.mul(number, size)), stored[0], stored[-1])
                return [entry, code.at(count, code.number(3), code.int)]

            code.count(channels, channel, [entries, counts])

        code.each(code.number(self.made.area), chunk, by=self.made.chunk * code.lanes)
        code.stays()

    def _through(
        self, code: Code, origin: Value, entry: Value, count: Value, which: int, sums: list[Value]
    ) -> tuple[Value, list[Value]]:
        """One list: where the next one begins, and the sums."""
        length = code.b.load(code.at(count, code.number(which), code.int), typ=code.int)
        end = code.at(entry, code.b.sext(length, code.long), code.long)  # an entry is as long as a 64-bit integer
        chunk, at_once = self.made.chunk, self.made.at_once  # a list is a whole multiple of at_once: see `packing`

        def some(entry: Value, sums: list[Value]) -> list[Value]:
            sums = list(sums)
            for number, (offset, weight) in enumerate(self._entries(code, entry)):
                source, own = code.at(origin, offset), number * chunk % len(sums)
                for vector in range(chunk):
                    x = code.take(code.at(source, code.number(vector * code.lanes)))
                    sums[own + vector] = code.multiply_add(weight, x, sums[own + vector])
            return sums

        entry, *sums = code.loop(
            entry,
            lambda entry: code.b.icmp_unsigned("<", entry, end),
            lambda entry: code.at(entry, code.number(at_once), code.long),
            [*sums, *[code.zeros] * (chunk * (self.made.apart - 1))],
            some,
        )
        total = sums[:chunk]
        for start in range(chunk, len(sums), chunk):
            total = [code.b.fadd(one, other) for one, other in zip(total, sums[start:], strict=False)]
        return entry, total

    def _entries(self, code: Code, entry: Value) -> list[tuple[Value, Value]]:
        """Offsets, and weights in every lane, of the entries that are worked on at once."""
        at_once, half, offsets = self.made.at_once, code.number(32), list[Value]()
        for pair in range(0, at_once, 2):
            both = code.b.load(code.at(entry, code.number(pair)), align=4, typ=code.long)
            offsets += code.b.ashr(code.b.shl(both, half), half), code.b.ashr(both, half)  # the first is the lower half
        weights = code.take(code.at(entry, code.number(at_once)), code.ir.VectorType(code.float, at_once))
        return [(offset, code.lanes_of(weights, weights, [n] * code.lanes)) for n, offset in enumerate(offsets)]

    def _right(self, code: Code, sums: list[Value]) -> list[Value]:
        """Every lane from its left neighbour; zero in the first lane of an image."""
        lanes = code.lanes
        if self.made.image < lanes:
            which = [lanes if lane % self.made.image == 0 else lane - 1 for lane in range(lanes)]
            return [code.lanes_of(value, code.zeros, which) for value in sums]
        begins = [vector % (self.made.image // lanes) == 0 for vector in range(self.made.chunk)]
        before = [code.zeros if begin else sums[vector - 1] for vector, begin in enumerate(begins)]
        which = list(range(lanes - 1, 2 * lanes - 1))
        return [code.lanes_of(left, value, which) for left, value in zip(before, sums, strict=True)]

    def _left(self, code: Code, sums: list[Value]) -> list[Value]:
        """Every lane from its right neighbour; zero in the last lane of an image."""
        lanes = code.lanes
        if self.made.image < lanes:
            which = [lanes if lane % self.made.image == self.made.image - 1 else lane + 1 for lane in range(lanes)]
            return [code.lanes_of(value, code.zeros, which) for value in sums]
        ends = [(vector + 1) % (self.made.image // lanes) == 0 for vector in range(self.made.chunk)]
        after = [code.zeros if end else sums[vector + 1] for vector, end in enumerate(ends)]
        which = list(range(1, lanes + 1))
        return [code.lanes_of(value, right, which) for value, right in zip(sums, after, strict=True)]


def _inside(code: Code, value: Value, mask: Value) -> Value:
    """Zero where the mask has no bits."""
    bits = code.ir.VectorType(code.int, code.lanes)
    kept = code.b.and_(code.b.bitcast(value, bits), code.take(mask, bits))
    return code.b.bitcast(kept, code.vector)
