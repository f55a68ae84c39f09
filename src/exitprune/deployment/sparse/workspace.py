"""Memory of one thread, and a program's table with the addresses in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from exitprune.deployment.sparse.buffers import aligned
from exitprune.deployment.sparse.kernels import exits
from exitprune.deployment.sparse.program import Program, Row
from exitprune.deployment.sparse.table import OPERATION

FLOAT = 4
"""Bytes of a number in a map."""


class Workspace:
    """Memory of one thread, and the tables with its addresses.

    Args:
        program: what it is for.
        groups: groups of images that go from exit to exit side by side; a table for each.

    Attributes:
        tables: (groups, rows) of OPERATION.
    """

    def __init__(self, program: Program, groups: int = 1) -> None:
        self.program = program
        self.buffers = []
        for buffer in program.plan.buffers:
            layout, times = buffer.layout, groups if buffer.stays else 1
            length = buffer.channels * layout.size + layout.lanes
            self.buffers.append([aligned(length, layout.row) for _ in range(0 if buffer.constant else times)])
        self.features, self.logits = aligned(program.features), aligned(program.logits)
        self.tables = np.zeros((groups, len(program.rows)), OPERATION)
        for group in range(groups):
            for number, row in enumerate(program.rows):
                self._fill(self.tables[group, number : number + 1], row, number, group)

    def map_of(self, value: int, group: int) -> npt.NDArray[np.float32]:
        """The memory of a map."""
        if value in self.program.constants:
            return self.program.constants[value]
        copies = self.buffers[self.program.plan.place[value]]
        return copies[group % len(copies)]

    def move(
        self,
        values: Sequence[int],
        sources: npt.NDArray[np.int64],
        targets: npt.NDArray[np.int64],
        call: npt.NDArray[np.void],
    ) -> None:
        """Images to the places of others.

        Args:
            values: whose maps.
            sources, targets: numbers of places, counted over all groups; none is in both.
            call: of the kernels.
        """
        table = np.zeros((len(values), len(targets)), OPERATION)
        for rows, value in zip(table, values, strict=True):
            layout, bases = self.program.layouts[value], self._bases[value]
            rows["kernel"], rows["inputs"] = self.program.moves[layout].address, self.program.channels[value]
            for name, places in (("source", sources), ("target", targets)):
                group, image = np.divmod(places, layout.together)
                rows[name] = bases[group] + image * layout.image * FLOAT
        self.program.run(table.ctypes.data, table.size, 0, call.ctypes.data, 0, 1)

    @cached_property
    def _bases(self) -> dict[int, npt.NDArray[np.int64]]:
        """Of each map that is taken after an exit, its addresses by group."""
        values = {value for staying in self.program.plan.staying for value in staying}
        groups = range(len(self.tables))
        return {one: np.array([self.map_of(one, group).ctypes.data for group in groups], np.int64) for one in values}

    def _fill(self, line: npt.NDArray[np.void], row: Row, number: int, group: int) -> None:
        line["kernel"] = self.program.code[number].address
        for name, array in row.arrays.items():
            line[name] = array.ctypes.data
        for name, value in row.numbers.items():
            line[name] = value
        for name, which in row.maps.items():
            line[name] = self.map_of(which, group).ctypes.data
        if isinstance(row.kernel, exits.Average):
            line["target"] = self.features.ctypes.data
        if isinstance(row.kernel, exits.Leave):
            line["source"], line["target"] = self.features.ctypes.data, self.logits.ctypes.data
