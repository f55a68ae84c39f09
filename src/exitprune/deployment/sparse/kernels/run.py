"""What calls the kernels: operation after operation, until one says that the images leave; then the next group."""

from __future__ import annotations

from exitprune.deployment.extras import extra
from exitprune.deployment.sparse.code import Value
from exitprune.deployment.sparse.table import OPERATION


def write(module: Value) -> None:
    """The function `run(table, rows, apart, call, first, stop)`.

    For groups of images from the first on: every operation in turn, until one says that the image leaves. The next group's table
    lies `apart` rows further on; 0: all have the same.
    """
    ir = extra("llvmlite.ir")
    pointer, long, truth = ir.PointerType(), ir.IntType(64), ir.IntType(1)
    run = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, long, long, pointer, long, long]), "run")
    table, rows, apart, call, first, stop = run.args
    names = ("start", "groups", "group", "rows", "row", "next", "end")
    start, groups, each_group, inside, each_row, following, end = (run.append_basic_block(name) for name in names)
    zero, one, wide = (ir.Constant(long, n) for n in (0, 1, len(OPERATION.names or ())))
    b = ir.IRBuilder(start)
    b.branch(groups)
    b.position_at_end(groups)
    group = b.phi(long)
    group.add_incoming(first, start)
    b.cbranch(b.icmp_signed("<", group, stop), each_group, end)
    b.position_at_end(each_group)
    own = b.gep(table, [b.mul(b.mul(b.sub(group, first), apart), wide)], source_etype=long)
    b.branch(inside)
    b.position_at_end(inside)
    row = b.phi(long)
    row.add_incoming(zero, each_group)
    b.cbranch(b.icmp_signed("<", row, rows), each_row, following)
    b.position_at_end(each_row)
    operation = b.gep(own, [b.mul(row, wide)], source_etype=long)
    kernel = ir.FunctionType(truth, [pointer, pointer, long])
    address = b.inttoptr(b.load(operation, typ=long), ir.PointerType(kernel))  # `kernel` stands first in a row
    leaves = b.call(address, [operation, call, group])
    row.add_incoming(b.add(row, one), each_row)
    b.cbranch(leaves, following, inside)
    b.position_at_end(following)
    group.add_incoming(b.add(group, one), following)
    b.branch(groups)
    b.position_at_end(end)
    b.ret_void()
