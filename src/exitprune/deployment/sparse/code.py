"""A few words over llvmlite's builder, so that kernels read as loops over lanes.

Every kernel is a function of (operation, call, group): one row of the table of operations, what is true of the whole call, and
which images. It returns whether the image leaves. What a row and a call hold is named in `table`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from exitprune.deployment.extras import extra
from exitprune.deployment.sparse.table import ADDRESSES, CALL, CALL_ADDRESSES, OPERATION

Value = Any  # of llvmlite, which has no types


class Code:
    """A kernel in the making.

    Args:
        module: of llvmlite; the kernel is added to it.
        name: of the kernel.
        lanes: V, of the vectors it computes with.
    """

    def __init__(self, module: Value, name: str, lanes: int) -> None:
        ir = extra("llvmlite.ir")
        self.ir, self.module, self.lanes = ir, module, lanes
        self.float, self.int, self.long, self.pointer = (
            ir.FloatType(),
            ir.IntType(32),
            ir.IntType(64),
            ir.PointerType(),
        )
        self.vector = ir.VectorType(self.float, lanes)
        kind = ir.FunctionType(ir.IntType(1), [self.pointer, self.pointer, self.long])
        self.function = ir.Function(module, kind, name)
        self.operation, self.call, self.group = self.function.args
        for argument in (self.operation, self.call):
            argument.add_attribute("noalias")  # tables are not written to while kernels run
        self.b = ir.IRBuilder(self.function.append_basic_block())
        self.zeros = ir.Constant(self.vector, [0.0] * lanes)

    # Constants and memory

    def number(self, n: int) -> Value:
        """A 64-bit integer."""
        return self.ir.Constant(self.long, n)

    def real(self, x: float) -> Value:
        """A float."""
        return self.ir.Constant(self.float, x)

    def operand(self, name: str) -> Value:
        """An entry of the row of the table."""
        kind = self.pointer if name in ADDRESSES else self.long
        place = self.at(self.operation, self.number(OPERATION.names.index(name)), self.long)  # type: ignore[union-attr]
        return self.b.load(place, typ=kind)

    def of_call(self, name: str) -> Value:
        """What is true of the whole call."""
        kind = self.pointer if name in CALL_ADDRESSES else self.float
        place = self.at(self.call, self.number(list(CALL.names or ()).index(name)), self.long)
        return self.b.load(place, typ=kind)

    def at(self, base: Value, index: Value, kind: Value = None) -> Value:
        """The address so many elements (floats, if nothing is said) after another."""
        return self.b.gep(base, [index], source_etype=kind or self.float)

    def take(self, address: Value, vector: Value = None) -> Value:
        """A vector from memory, wherever it begins; at whole lines of the cache, where most do, it takes half the time."""
        return self.b.load(address, align=4, typ=vector or self.vector)

    def put(self, value: Value, address: Value) -> None:
        """A vector to memory."""
        self.b.store(value, address, align=4)

    def sum(self, *terms: Value) -> Value:
        """Of 64-bit integers."""
        total, *others = terms
        for term in others:
            total = self.b.add(total, term)
        return total

    # Vectors

    def splat(self, x: Value) -> Value:
        """A float in every lane."""
        nothing = self.ir.Constant(self.vector, self.ir.Undefined)
        return self.lanes_of(
            self.b.insert_element(nothing, x, self.ir.Constant(self.int, 0)), nothing, [0] * self.lanes
        )

    def lanes_of(self, first: Value, second: Value, which: Sequence[int]) -> Value:
        """Lanes of two vectors, numbered one after the other."""
        return self.b.shuffle_vector(
            first, second, self.ir.Constant(self.ir.VectorType(self.int, len(which)), list(which))
        )

    def multiply_add(self, x: Value, y: Value, total: Value) -> Value:
        """x y + total, rounded once."""
        return self.b.call(self.intrinsic("fma", x.type, 3), [x, y, total])

    def at_least(self, x: Value, low: Value) -> Value:
        """The larger of the two."""
        return self.b.select(self.b.fcmp_ordered(">", x, low), x, low)

    def added_up(self, x: Value) -> Value:
        """The sum of a vector's lanes, in any order."""
        name = f"llvm.vector.reduce.fadd.v{x.type.count}f32"
        kind = self.ir.FunctionType(self.float, [self.float, x.type])
        reduce = self.module.globals.get(name) or self.ir.Function(self.module, kind, name)
        return self.b.call(reduce, [self.real(0.0), x], fastmath=["reassoc"])

    def intrinsic(self, name: str, kind: Value, arguments: int) -> Value:
        """One of LLVM's own functions, of one type."""
        suffix = f"v{kind.count}f32" if hasattr(kind, "count") else "f32"
        full = f"llvm.{name}.{suffix}"
        made = self.ir.FunctionType(kind, [kind] * arguments)
        return self.module.globals.get(full) or self.ir.Function(self.module, made, full)

    # Loops

    def loop(
        self,
        start: Value,
        goes_on: Callable[[Value], Value],
        step: Callable[[Value], Value],
        carried: Sequence[Value],
        body: Callable[[Value, list[Value]], Sequence[Value]],
    ) -> list[Value]:
        """i = start; while goes_on(i): carried, i = body(i, carried), step(i).

        Returns:
            The last i and the last carried.
        """
        before = self.b.block
        head, inside, after = (self.function.append_basic_block() for _ in range(3))
        self.b.branch(head)
        self.b.position_at_end(head)
        changing = [self.b.phi(value.type) for value in (start, *carried)]
        for value, first in zip(changing, (start, *carried), strict=True):
            value.add_incoming(first, before)
        self.b.cbranch(goes_on(changing[0]), inside, after)
        self.b.position_at_end(inside)
        i, *rest = changing
        new = body(i, rest)
        new = [step(i), *new]
        for value, next_ in zip(changing, new, strict=True):
            value.add_incoming(next_, self.b.block)
        self.b.branch(head)
        self.b.position_at_end(after)
        return changing

    def count(
        self,
        stop: Value,
        body: Callable[[Value, list[Value]], Sequence[Value]],
        carried: Sequence[Value] = (),
        start: Value = None,
        by: int = 1,
    ) -> list[Value]:
        """For i from 0, or start, while below stop; returns the last carried."""
        return self.loop(
            self.number(0) if start is None else start,
            lambda i: self.b.icmp_signed("<", i, stop),
            lambda i: self.b.add(i, self.number(by)),
            carried,
            body,
        )[1:]

    def each(self, stop: Value, body: Callable[[Value], object], by: int = 1) -> None:
        """For i from 0 while below stop, nothing carried."""

        def nothing_carried(i: Value, _: list[Value]) -> Sequence[Value]:
            body(i)
            return []

        self.count(stop, nothing_carried, by=by)

    def stays(self) -> None:
        """The end of a kernel after which no image leaves."""
        self.b.ret(self.ir.Constant(self.ir.IntType(1), 0))
