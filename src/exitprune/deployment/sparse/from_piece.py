"""One piece of a network, a stem, a block or a classifier, as steps. Needs torch.

Channels that `removal` picks out become zeros in the weights, which cost nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from exitprune.deployment.sparse.following import followed
from exitprune.deployment.sparse.steps import Combine, Convolution, Exit, MaxPool, Split, Step
from exitprune.deployment.sparse.values import Value, Values, floats
from exitprune.deployment.sparse.weights import of_stride_one, spread, square, ungrouped
from exitprune.networks.operations import Operation, Piece

LAST = (("mean", "linear"), ("adaptive_pool", "flatten", "linear"), ("flatten", "linear"))
"""How a classifier may end."""


class Translator:
    """One piece to steps.

    Args:
        piece, shapes, value, made, what: as for `Values`.
    """

    def __init__(self, piece: Piece, shapes: Mapping[str, tuple[int, ...]], value: int, made: int, what: str) -> None:
        self.piece, self.shapes, self.values = piece, shapes, Values(piece, shapes, value, made, what)
        self.splits: dict[int, int] = {}
        self.done: set[str] = set()  # operations that a convolution does besides

    def all(self) -> int:
        """Every operation; returns the map that comes out."""
        self._translate(len(self.piece.operations))
        return self.values.whole(self.piece.output)

    def classifier(self, temperature: float) -> list[Step]:
        """Operations on maps, then an average over a grid or none, then one linear layer."""
        ends = ("mean", "adaptive_pool", "flatten", "linear")
        operations = self.piece.operations
        first = next((n for n, operation in enumerate(operations) if operation.kind in ends), len(operations))
        self._translate(first)
        kinds, last = tuple(operation.kind for operation in operations[first:]), operations[-1]
        linear = self.piece.parts.get(last.layer)
        if kinds not in LAST or not isinstance(linear, nn.Linear):
            raise self.values.refusal(", ".join(kinds).replace("_", " ") or "no linear layer at its end")
        opening = operations[first]
        _, _, height, width = self.shapes[opening.inputs[0]]
        grids = {"mean": (1, 1), "adaptive_pool": opening.settings.get("output_size"), "flatten": (height, width)}
        grid = tuple(side or whole for side, whole in zip(grids[opening.kind] or (), (height, width), strict=True))
        value = self.values.whole(opening.inputs[0])
        return [*self.values.steps, exit_of(value, cast(tuple[int, int], grid), linear, temperature)]

    def _translate(self, stop: int) -> None:
        """So many operations."""
        for operation in self.piece.operations[:stop]:
            if operation.name in self.done:
                continue
            part = self.piece.parts.get(operation.layer)
            if isinstance(part, nn.Conv2d):
                self._convolution(operation, part)
            elif operation.kind == "pick":
                self._pick(operation, cast(Tensor, part))
            elif operation.kind == "max_pool":
                self._pool(operation)
            elif operation.kind == "add_to":
                self._add_to(operation, cast(Tensor, part))
            elif operation.kind in ("relu", "add", "add_constant"):
                self._combine(operation)
            else:
                found = type(part).__name__ if part is not None else operation.kind.replace("_", " ")
                raise self.values.refusal(found)

    def _made(self, name: str, step: Step) -> None:
        """A value, by the step that makes it."""
        self.values.steps.append(step)
        self.values.by_name[name] = Value(self.values.made - 1)

    def _pick(self, operation: Operation, channels: Tensor) -> None:
        value = self.values.by_name[operation.inputs[0]]
        picked = channels if value.channels is None else value.channels[channels]
        self.values.by_name[operation.name] = Value(value.number, picked)

    def _convolution(self, operation: Operation, conv: nn.Conv2d) -> None:
        source, stride = self.values.by_name[operation.inputs[0]], self._stride(conv)
        number, weight = source.number, square(ungrouped(conv))
        if source.channels is not None:
            weight = spread(weight, source.channels, self.values.channels_of(number), 1)
        after = followed(self.values, operation.name, weight, cast(Tensor, conv.bias).detach())
        self.done |= after.operations
        weight = after.weight
        if stride == 2:
            if number not in self.splits:
                self.splits[number] = self.values.new()
                self.values.steps.append(Split(number, self.splits[number]))
            number, weight = self.splits[number], of_stride_one(weight)
        made = self.values.new()
        self._made(after.name, Convolution(number, made, floats(weight), floats(after.bias), after.added, after.relu))

    def _pool(self, operation: Operation) -> None:
        given = operation.settings
        kernel, stride, padding = (cast(tuple[int, int], given[name]) for name in ("kernel_size", "stride", "padding"))
        height, width = self.shapes[operation.name][2:]
        source, made = self.values.whole(operation.inputs[0]), self.values.new()
        self._made(operation.name, MaxPool(source, made, kernel, stride, padding, (height, width)))

    def _combine(self, operation: Operation) -> None:
        """What no convolution could do on the way."""
        source, *others = (self.values.whole(name) for name in operation.inputs)
        if operation.kind == "add_constant":
            constant = cast(Tensor, self.piece.parts.get(operation.layer))
            others = [self.values.constant(constant, operation.name)]
        added = others[0] if others else None
        made = self.values.new()
        self._made(operation.name, Combine(source, made, added, operation.kind == "relu"))

    def _add_to(self, operation: Operation, channels: Tensor) -> None:
        """A branch's few channels added to a wide map, where its last convolution could not: by one of ones and zeros."""
        total, branch = (self.values.whole(name) for name in operation.inputs)
        weight = torch.zeros(self.shapes[operation.name][1], len(channels), 3, 3)
        weight[channels, torch.arange(len(channels)), 1, 1] = 1
        bias, made = weight.new_zeros(len(weight)), self.values.new()
        self._made(operation.name, Convolution(branch, made, floats(weight), floats(bias), total, False))

    def _stride(self, conv: nn.Conv2d) -> int:
        """1 or 2.

        Raises:
            CannotRun: if the convolution is none that there is a kernel for.
        """
        kernel, padding = conv.kernel_size, tuple(int(side) for side in conv.padding)
        fits = set(kernel) <= {1, 3} and padding == tuple(side // 2 for side in kernel)
        if not fits or conv.stride not in ((1, 1), (2, 2)) or tuple(conv.dilation) != (1, 1):
            size = " x ".join(map(str, kernel))
            raise self.values.refusal(
                f"a convolution of {size}, stride {conv.stride}, padding {padding}, dilation {tuple(conv.dilation)}"
            )
        return conv.stride[0]


def exit_of(source: int, grid: tuple[int, int], linear: nn.Linear, temperature: float) -> Exit:
    """A linear layer on a map's averages, its logits divided by a temperature."""
    weight, bias = linear.weight.detach() / temperature, linear.bias.detach() / temperature
    return Exit(source, grid, floats(weight), floats(bias))
