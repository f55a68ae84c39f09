"""A network as a table of operations: kernels, lists and memory for a number of images side by side.

Letters: C channels, H and W height and width, K classes, F features of an exit, G images side by side (a group).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from exitprune.deployment.sparse import steps
from exitprune.deployment.sparse.buffers import Plan, aligned, plan
from exitprune.deployment.sparse.code import OPERATION
from exitprune.deployment.sparse.kernels import convolution, exits, maps
from exitprune.deployment.sparse.layout import Layout
from exitprune.deployment.sparse.machine import CannotRun, Kernel, Processor, compiled, runner
from exitprune.deployment.sparse.packing import pack
from exitprune.deployment.sparse.steps import Exit, Network

FLOAT = 4
"""Bytes of a number in a map."""
WIDEST = 64
"""Vectors of a row at most: each is a variable of the kernel, and beyond the registers they are slow."""


@dataclass(frozen=True)
class Row:
    """An operation before it has addresses.

    Attributes:
        kernel: which.
        maps: by field of the table, the number of a map.
        arrays: by field, what stays the same for every image.
        numbers: by field.
    """

    kernel: Kernel
    maps: Mapping[str, int] = field(default_factory=dict)
    arrays: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    numbers: Mapping[str, int] = field(default_factory=dict)


class Program:
    """A network, packed and compiled.

    Args:
        network: whose steps fit each other.
        processor: to compile for.
        together: G.

    Raises:
        CannotRun: if a row of a map takes too many vectors.
    """

    def __init__(self, network: Network, processor: Processor, together: int) -> None:
        self.network, self.together, self.lanes = network, together, processor.lanes
        shapes = network.shapes()
        widest = max(width for _, _, width in shapes)
        if widest > WIDEST * processor.lanes:
            raise CannotRun(
                f"maps are {widest} pixels wide, the sparse kernels of {processor.name} take {WIDEST * self.lanes}"
            )
        self.channels = [shape[0] for shape in shapes]
        self.layouts = [Layout(shape[1], shape[2], together, processor.lanes) for shape in shapes]
        self.plan: Plan = plan(network, self.layouts, self.channels)
        self.constants: dict[int, npt.NDArray[np.float32]] = {}
        self.features, self.logits = 1, 1  # floats of the largest exit
        self.masks: dict[Layout, npt.NDArray[np.int32]] = {}
        self.rows: list[Row] = [self._load(), *self._edges(0)]
        self.segments: list[slice] = []
        """Rows from one exit to the next."""
        for step in network.steps:
            self._add(step)
            whole = isinstance(step, steps.Convolution) and self.layouts[step.target].is_one_chunk
            if isinstance(step, steps.Convolution | steps.Split | steps.MaxPool) and not whole:
                self.rows += self._edges(step.target)
        self.run = runner(processor)
        self.code = [compiled(row.kernel, processor) for row in self.rows]
        moving = {self.layouts[value] for values in self.plan.staying for value in values} if together > 1 else set()
        self.moves = {layout: compiled(maps.Move(layout), processor) for layout in moving}

    def _add(self, step: steps.Step) -> None:
        if isinstance(step, steps.Convolution):
            self.rows.append(self._convolution(step))
        elif isinstance(step, steps.Split):
            self.rows.append(self._over(step, maps.Split(self.layouts[step.source], self.layouts[step.target])))
        elif isinstance(step, steps.MaxPool):
            window = (step.kernel, step.stride, step.padding)
            self.rows.append(
                self._over(step, maps.MaxPool(self.layouts[step.source], self.layouts[step.target], *window))
            )
        elif isinstance(step, steps.Combine):
            lanes = self.channels[step.target] * self.layouts[step.target].size
            combine = maps.Combine(step.added is not None)
            self.rows.append(Row(combine, _between(step), numbers={"area": lanes, "relu": int(step.relu)}))
        elif isinstance(step, Exit):
            self._add_exit(step)
        else:
            buffer = self._memory(step.target)
            self.layouts[step.target].put(buffer, step.values)
            self.constants[step.target] = buffer

    def _over(self, step: steps.Split | steps.MaxPool, kernel: Kernel) -> Row:
        return Row(kernel, _between(step), numbers={"inputs": self.channels[step.source]})

    def _edges(self, value: int) -> list[Row]:
        """What is to be done about the edges of a map, if anything."""
        if self.layouts[value].parts == 1:
            return []
        return [Row(maps.Edges(self.layouts[value]), {"target": value}, numbers={"inputs": self.channels[value]})]

    def _load(self) -> Row:
        normalisation = {"bias": self.network.mean, "weights": self.network.std}
        return Row(maps.Load(self.layouts[0]), {"target": 0}, normalisation, {"inputs": self.channels[0]})

    def _convolution(self, step: steps.Convolution) -> Row:
        layout = self.layouts[step.target]
        packed = pack(step.weight, layout)
        kernel = convolution.Convolution(layout, step.added is not None)
        arrays: dict[str, npt.NDArray[Any]] = {"weights": packed.entries, "counts": packed.counts, "bias": step.bias}
        if layout.is_padded:
            arrays["mask"] = self.masks.setdefault(layout, layout.mask())
        return Row(kernel, _between(step), arrays, {"outputs": len(step.bias), "relu": int(step.relu)})

    def _add_exit(self, step: Exit) -> None:
        layout, channels = self.layouts[step.source], self.channels[step.source]
        windows, averages = grid_of(layout, step.grid)
        num_classes, num_features = step.weight.shape
        features = -(-num_features // exits.UNROLLED) * exits.UNROLLED
        filled = -(-num_classes // self.lanes) * self.lanes
        weights, bias = np.zeros((features, filled), np.float32), np.zeros(filled, np.float32)
        weights[:num_features, :num_classes], bias[:num_classes] = step.weight.T, step.bias
        self.features, self.logits = max(self.features, features * self.together), max(self.logits, filled)
        sizes = {"inputs": channels, "outputs": features, "height": step.grid[0], "width": step.grid[1]}
        average = exits.Average(layout)
        self.rows.append(Row(average, {"source": step.source}, {"weights": averages, "counts": windows}, sizes))
        numbers = {"inputs": features, "outputs": num_classes, "width": filled, "exit": len(self.segments)}
        self.rows.append(Row(exits.Leave(self.together), {}, {"weights": weights, "bias": bias}, numbers))
        self.segments.append(slice(self.segments[-1].stop if self.segments else 0, len(self.rows)))

    def _memory(self, value: int) -> npt.NDArray[np.float32]:
        layout = self.layouts[value]
        return aligned(self.channels[value] * layout.size + layout.lanes, layout.row)


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


def grid_of(layout: Layout, grid: tuple[int, int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Averages over a grid, adaptively as torch does.

    Returns:
        Where each row of cells begins and ends, (g, 2), and by how much each lane of an image counts, (g, h, lanes).
    """
    rows, columns = (_windows(side, cells) for side, cells in zip((layout.height, layout.width), grid, strict=True))
    averages = np.zeros((*grid, layout.image), np.float32)
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            averages[i, j, left:right] = 1 / ((bottom - top) * (right - left))
    return np.array(rows, np.int64), averages


def _windows(side: int, cells: int) -> list[tuple[int, int]]:
    return [(cell * side // cells, -(-(cell + 1) * side // cells)) for cell in range(cells)]


def _between(step: steps.Convolution | steps.Split | steps.MaxPool | steps.Combine) -> dict[str, int]:
    added = getattr(step, "added", None)
    return {"source": step.source, "target": step.target} | ({} if added is None else {"added": added})
