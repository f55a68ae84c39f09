"""A network as a table of operations: kernels, lists and memory for a number of images side by side.

Letters: C channels, H and W height and width, K classes, F features of an exit, G images side by side (a group).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from exitprune.deployment.sparse import steps
from exitprune.deployment.sparse.buffers import Plan, aligned, plan
from exitprune.deployment.sparse.kernels import convolution, exits, maps
from exitprune.deployment.sparse.layout import Layout
from exitprune.deployment.sparse.machine import CannotRun, Kernel, Processor, compiled, runner
from exitprune.deployment.sparse.packing import pack, pack_exit
from exitprune.deployment.sparse.shapes import shapes_of
from exitprune.deployment.sparse.steps import Exit, Network

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
        shapes = shapes_of(network)
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
        layout, packed = self.layouts[step.source], pack_exit(step, self.layouts[step.source])
        features, filled = packed.weights.shape
        self.features, self.logits = max(self.features, features * self.together), max(self.logits, filled)
        sizes = {"inputs": self.channels[step.source], "outputs": features}
        sizes |= {"height": step.grid[0], "width": step.grid[1]}
        average: dict[str, npt.NDArray[Any]] = {"weights": packed.averages, "counts": packed.windows}
        self.rows.append(Row(exits.Average(layout), {"source": step.source}, average, sizes))
        numbers = {"inputs": features, "outputs": len(step.bias), "width": filled, "exit": len(self.segments)}
        linear = {"weights": packed.weights, "bias": packed.bias}
        self.rows.append(Row(exits.Leave(self.together), {}, linear, numbers))
        self.segments.append(slice(self.segments[-1].stop if self.segments else 0, len(self.rows)))

    def _memory(self, value: int) -> npt.NDArray[np.float32]:
        layout = self.layouts[value]
        return aligned(self.channels[value] * layout.size + layout.lanes, layout.row)


def _between(step: steps.Convolution | steps.Split | steps.MaxPool | steps.Combine) -> dict[str, int]:
    added = getattr(step, "added", None)
    return {"source": step.source, "target": step.target} | ({} if added is None else {"added": added})
