"""A folded early-exit network, made smaller or not, as steps. Needs torch.

A convolution takes up whatever follows it and can be done on the way to memory: constants, one addition, one ReLU. Channels
that `removal` picks out, or adds only a few to, become zeros in the weights, which cost nothing here.

Letters: C channels, H and W height and width of a map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from exitprune.deployment.folding import folded_base
from exitprune.deployment.sparse.machine import CannotRun
from exitprune.deployment.sparse.steps import (
    Combine,
    Constant,
    Convolution,
    Exit,
    Floats,
    MaxPool,
    Network,
    Split,
    Step,
    taken,
    target,
)
from exitprune.deployment.sparse.weights import of_stride_one, spread, square, ungrouped
from exitprune.networks.architectures import Blocks
from exitprune.networks.coupling import shapes_of
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.operations import INPUT, Operation, Piece

LAST = (("mean", "linear"), ("adaptive_pool", "flatten", "linear"), ("flatten", "linear"))
"""How a classifier may end."""


def steps_of(
    network: EarlyExitNetwork,
    mean: Sequence[float],
    std: Sequence[float],
    temperatures: Sequence[float] | None = None,
) -> Network:
    """The steps of a folded network.

    Args:
        network: folded, smaller ones from `removal` included.
        mean, std: C each, of the training pixels, in units of the full range.
        temperatures: one per exit, by which its logits are divided; None: 1 everywhere.

    Raises:
        CannotRun: if it is not made of blocks, or does something that there is no kernel for.
        ValueError: if blocks are not folded.
    """
    if not isinstance(network.base, Blocks):
        raise CannotRun(f"{network.spec.own.title} is not made of blocks in a row, which sparse kernels are made for")
    spec, pieces = network.spec, folded_base(network).pieces()
    shapes, divisors = shapes_of(network, pieces), temperatures or [1.0] * network.num_exits
    steps: list[Step] = []
    value, number, made = 0, 0, 1
    for block, piece in enumerate(pieces[:-1]):
        what = f"block {block}" if block else "the stem"
        translator = _Translator(piece, shapes[block], value, made, what)
        value, made = translator.all(), translator.made
        steps += translator.steps
        if block in network.heads:
            head = network.heads[block]
            steps.append(_exit(value, head.grid, head.fc, divisors[number]))
            number += 1
    translator = _Translator(pieces[-1], shapes[-1], value, made, "the classifier")
    steps += [*translator.classifier(divisors[-1])]
    centre, spread = (np.array(values, np.float32) for values in (mean, std))
    shape = (spec.channels, spec.height, spec.width)
    return without_unused(Network(shape, centre, spread, tuple(steps)))


def without_unused(network: Network) -> Network:
    """Without steps whose map nobody takes; what is left is numbered anew."""
    wanted: set[int] = set()
    kept: list[Step] = []
    for step in reversed(network.steps):
        if isinstance(step, Exit) or target(step) in wanted:
            wanted.update(taken(step))
            kept.append(step)
    names = {0: 0}
    steps: list[Step] = []
    for step in reversed(kept):
        told = {"source": names[step.source]} if not isinstance(step, Constant) else {}
        if isinstance(step, Convolution | Combine) and step.added is not None:
            told["added"] = names[step.added]
        if not isinstance(step, Exit):
            names[step.target] = told["target"] = len(names)
        steps.append(replace(step, **told))  # type: ignore[arg-type]
    return replace(network, steps=tuple(steps))


@dataclass
class _Value:
    """A value of a piece: a map, or some channels of one."""

    number: int
    channels: Tensor | None = None


class _Translator:
    """One piece to steps.

    Args:
        piece: operations.
        shapes: of its values, for one image.
        value: the map that it takes.
        made: maps so far.
        what: what to call it in a refusal.
    """

    def __init__(self, piece: Piece, shapes: Mapping[str, tuple[int, ...]], value: int, made: int, what: str) -> None:
        self.piece, self.shapes, self.made, self.what = piece, shapes, made, what
        self.steps: list[Step] = []
        self.values = {INPUT: _Value(value)}
        self.splits: dict[int, int] = {}
        self.taken_up: set[str] = set()  # operations that a convolution does besides

    def all(self) -> int:
        """Every operation; returns the map that comes out."""
        for operation in self.piece.operations:
            if operation.name not in self.taken_up:
                self._translate(operation)
        return self._whole(self.piece.output)

    def classifier(self, temperature: float) -> list[Step]:
        """Operations on maps, then an average over a grid or none, then one linear layer."""
        ends = ("mean", "adaptive_pool", "flatten", "linear")
        operations = self.piece.operations
        first = next((n for n, operation in enumerate(operations) if operation.kind in ends), len(operations))
        for operation in operations[:first]:
            if operation.name not in self.taken_up:
                self._translate(operation)
        kinds, last = tuple(operation.kind for operation in operations[first:]), operations[-1]
        linear = self.piece.parts.get(last.layer)
        if kinds not in LAST or not isinstance(linear, nn.Linear):
            raise self._refusal(", ".join(kinds).replace("_", " ") or "no linear layer at its end")
        opening = operations[first]
        _, _, height, width = self.shapes[opening.inputs[0]]
        grids = {"mean": (1, 1), "adaptive_pool": opening.settings.get("output_size"), "flatten": (height, width)}
        grid = tuple(side or whole for side, whole in zip(grids[opening.kind] or (), (height, width), strict=True))
        return [
            *self.steps,
            _exit(self._whole(opening.inputs[0]), cast(tuple[int, int], grid), linear, temperature),
        ]

    def _translate(self, operation: Operation) -> None:
        part = self.piece.parts.get(operation.layer)
        value = self.values[operation.inputs[0]]
        if isinstance(part, nn.Conv2d):
            self._convolution(operation, part)
        elif operation.kind == "pick":
            channels = cast(Tensor, part)
            self.values[operation.name] = _Value(
                value.number, channels if value.channels is None else value.channels[channels]
            )
        elif operation.kind == "max_pool":
            self._pool(operation)
        elif operation.kind in ("relu", "add", "add_constant", "add_to"):
            self._combine(operation)
        else:
            raise self._refusal(type(part).__name__ if part is not None else operation.kind.replace("_", " "))

    def _refusal(self, found: str) -> CannotRun:
        return CannotRun(f"{self.what} has {found}, for which there is no sparse kernel")

    def _new(self) -> int:
        self.made += 1
        return self.made - 1

    def _whole(self, name: str) -> int:
        """The map of a value with all its channels."""
        value = self.values[name]
        if value.channels is not None:
            raise self._refusal("channels that are picked for something else than a convolution")
        return value.number

    def _convolution(self, operation: Operation, conv: nn.Conv2d) -> None:
        source = self.values[operation.inputs[0]]
        stride = self._stride(conv)
        weight = square(ungrouped(conv))
        if source.channels is not None:
            weight = spread(weight, source.channels, self._channels_of(source.number), 1)
        bias = cast(Tensor, conv.bias).detach()
        name, added, relu, constant = self._what_follows(operation.name, bias)
        weight, bias = self._all_channels(operation.name, name, weight, constant)
        number = source.number
        if stride == 2:
            if number not in self.splits:
                self.splits[number] = self._new()
                self.steps.append(Split(number, self.splits[number]))
            number, weight = self.splits[number], of_stride_one(weight)
        made = self._new()
        self.steps.append(Convolution(number, made, _floats(weight), _floats(bias), added, relu))
        self.values[name] = _Value(made)

    def _channels_of(self, number: int) -> int:
        """How many a map has that a value of this piece is."""
        names = [name for name, value in self.values.items() if value.number == number and value.channels is None]
        return self.shapes[names[0]][1]

    def _what_follows(self, name: str, bias: Tensor) -> tuple[str, int | None, bool, Tensor]:
        """What a convolution does besides, on the way to memory.

        Returns:
            The value that it gives then, the map that it adds, whether it has a ReLU, and its bias.
        """
        added = None
        while name != self.piece.output and len(users := self.piece.users(name)) == 1:
            (user,) = users
            part = self.piece.parts.get(user.layer)
            if user.kind == "relu":
                self.taken_up.add(user.name)
                return user.name, added, True, bias
            if user.kind == "add_constant" and cast(Tensor, part).shape[2:] == (1, 1):
                bias = bias + cast(Tensor, part).flatten()
            elif user.kind == "add_constant" and added is None:
                added = self._constant(cast(Tensor, part), user.name)
            elif user.kind in ("add", "add_to") and added is None and (other := self._other(user, name)) is not None:
                added = other
                if user.kind == "add_to":
                    wide = bias.new_zeros(self.shapes[user.name][1])
                    wide[cast(Tensor, part)] = bias
                    bias = wide
            else:
                break
            name = user.name
            self.taken_up.add(name)
        return name, added, False, bias

    def _other(self, user: Operation, name: str) -> int | None:
        """The map that is added to a value, if it is there already."""
        others = [one for one in user.inputs if one != name]
        if len(others) != 1 or others[0] not in self.values or (user.kind == "add_to" and user.inputs[1] != name):
            return None
        value = self.values[others[0]]
        return value.number if value.channels is None else None

    def _all_channels(self, before: str, after: str, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """A branch that writes few channels writes zeros to the others."""
        name = before
        while name != after:
            (user,) = self.piece.users(name)
            if user.kind == "add_to":
                channels = cast(Tensor, self.piece.parts[user.layer])
                return spread(weight, channels, self.shapes[user.name][1], 0), bias
            name = user.name
        return weight, bias

    def _constant(self, values: Tensor, name: str) -> int:
        """A map that is the same for every image."""
        made = self._new()
        self.steps.append(Constant(made, _floats(values.expand(1, *self.shapes[name][1:])[0])))
        return made

    def _pool(self, operation: Operation) -> None:
        given, made = operation.settings, self._new()
        kernel, stride, padding = (cast(tuple[int, int], given[name]) for name in ("kernel_size", "stride", "padding"))
        height, width = self.shapes[operation.name][2:]
        self.steps.append(MaxPool(self._whole(operation.inputs[0]), made, kernel, stride, padding, (height, width)))
        self.values[operation.name] = _Value(made)

    def _combine(self, operation: Operation) -> None:
        """What no convolution could do on the way."""
        source, *others = (self._whole(name) for name in operation.inputs)
        part = self.piece.parts.get(operation.layer)
        added = others[0] if others else None
        if operation.kind == "add_constant":
            added = self._constant(cast(Tensor, part), operation.name)
        if operation.kind == "add_to":
            total, branch = source, others[0]
            channels = cast(Tensor, part)
            weight = torch.zeros(self.shapes[operation.name][1], len(channels), 3, 3)
            weight[channels, torch.arange(len(channels)), 1, 1] = 1
            made = self._new()
            self.steps.append(Convolution(branch, made, _floats(weight), _floats(weight[:, 0, 0, 0] * 0), total, False))
            self.values[operation.name] = _Value(made)
            return
        made = self._new()
        self.steps.append(Combine(source, made, added, operation.kind == "relu"))
        self.values[operation.name] = _Value(made)

    def _stride(self, conv: nn.Conv2d) -> int:
        """1 or 2.

        Raises:
            CannotRun: if the convolution is none that there is a kernel for.
        """
        kernel, padding = conv.kernel_size, tuple(int(side) for side in conv.padding)
        fits = set(kernel) <= {1, 3} and padding == tuple(side // 2 for side in kernel)
        if not fits or conv.stride not in ((1, 1), (2, 2)) or tuple(conv.dilation) != (1, 1):
            size = " x ".join(map(str, kernel))
            raise self._refusal(
                f"a convolution of {size}, stride {conv.stride}, padding {padding}, dilation {tuple(conv.dilation)}"
            )
        return conv.stride[0]


def _exit(source: int, grid: tuple[int, int], linear: nn.Linear, temperature: float) -> Exit:
    weight, bias = linear.weight.detach() / temperature, linear.bias.detach() / temperature
    return Exit(source, grid, _floats(weight), _floats(bias))


def _floats(values: Tensor) -> Floats:
    return np.ascontiguousarray(values.detach().cpu().numpy(), np.float32)
