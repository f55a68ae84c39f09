"""A network's pieces (stem, blocks, classifier) as lists of operations; `tracing` reads them off its code.

What takes a network apart (which channels go together, folding, removal, export) works on these lists and knows no
architecture.

Letters: N images, C channels, H and W height and width of a map.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.errors import BadInput

INPUT = "x"
"""The name of the map that a piece takes."""
WITH_MODULE = {nn.Conv2d: "convolution", nn.Linear: "linear", nn.BatchNorm2d: "batch_norm"}
"""Operations that have parameters."""
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "relu": F.relu,
    "add": operator.add,
    "concatenate": torch.cat,
    "max_pool": F.max_pool2d,
    "average_pool": F.avg_pool2d,
    "adaptive_pool": F.adaptive_avg_pool2d,
    "mean": torch.mean,
    "flatten": torch.flatten,
}
"""What computes each operation that has none."""


def pick(x: Tensor, channels: Tensor) -> Tensor:
    """Some of the channels of a map."""
    return x.index_select(1, channels)


def add_to(total: Tensor, branch: Tensor, channels: Tensor) -> Tensor:
    """A map of few channels added to some of the channels of another."""
    return total.index_add(1, channels, branch)


ADDED: dict[str, Callable[..., Any]] = {"pick": pick, "add_to": add_to, "add_constant": operator.add}
"""What `deployment.removal` puts in. Beside maps each takes a tensor: numbers of channels, or what is added, (1, C, 1, 1) or
(1, C, H, W)."""
COMPUTED = {**FUNCTIONS, **ADDED}


class CannotFollow(BadInput):
    """A network does something that nobody here can take apart."""


@dataclass(frozen=True)
class Operation:
    """One step of a piece.

    Attributes:
        name: of the value it gives.
        kind: a value of WITH_MODULE, or a key of FUNCTIONS or ADDED.
        inputs: names of the values it takes; INPUT is the piece's own.
        layer: dotted name of its module, or of its tensor, inside the piece.
        settings: keyword arguments of its function.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    layer: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def computed(self, maps: Sequence[Tensor], part: nn.Module | Tensor | None) -> Tensor:
        """Its value, from the values that it takes and its module or tensor."""
        if isinstance(part, nn.Module):
            value: Tensor = part(*maps)
            return value
        arguments: Sequence[Any] = maps if part is None else (*maps, part)
        computing: Callable[..., Tensor] = COMPUTED[self.kind]
        return computing(*([maps] if self.kind == "concatenate" else arguments), **self.settings)


@dataclass(frozen=True)
class Piece:
    """Operations in order of execution, the value that comes out, and the modules and tensors they use by name."""

    operations: tuple[Operation, ...]
    output: str
    parts: Mapping[str, nn.Module | Tensor]

    def users(self, name: str) -> list[Operation]:
        """The operations that take a value."""
        return [operation for operation in self.operations if name in operation.inputs]

    def values(self, x: Tensor) -> dict[str, Tensor]:
        """Every value by name, of a map that the piece takes."""
        found = {INPUT: x}
        for operation in self.operations:
            maps = [found[name] for name in operation.inputs]
            found[operation.name] = operation.computed(maps, self.parts.get(operation.layer))
        return found

    def __call__(self, x: Tensor) -> Tensor:
        """The value that comes out."""
        return self.values(x)[self.output]

    def without_unused(self) -> Piece:
        """Without operations whose value nobody takes."""
        wanted, kept = {self.output}, []
        for operation in reversed(self.operations):
            if operation.name in wanted:
                wanted.update(operation.inputs)
                kept.append(operation)
        layers = {operation.layer for operation in kept}
        parts = {name: part for name, part in self.parts.items() if name in layers}
        return Piece(tuple(reversed(kept)), self.output, parts)
