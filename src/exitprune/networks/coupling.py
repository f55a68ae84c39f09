"""Which channels go together: the filters that make them, and the weights that read them, as sets of (layer, dimension).

Maps that are added have their channels in common, so whatever writes into either goes together; a depthwise convolution
hands each channel on. Found by following a network's operations, whatever the architecture. The idea: dependency groups,
Fang et al. 2023, "DepGraph: Towards Any Structural Pruning", arXiv:2301.12900.

Letters: N images, C channels, H and W height and width of a map.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor, nn

from exitprune.config.model import NamedSettings
from exitprune.networks.architectures import NOT_BLOCKS
from exitprune.networks.channels import Channels, Place
from exitprune.networks.early_exit import EXIT, EarlyExitNetwork, Spec
from exitprune.networks.operations import INPUT, CannotFollow, Operation, Piece
from exitprune.shapes_only import shapes_only

Segment = tuple[int, int]
"""Channels by number, and how many cells of a flattened map each has."""
Value = tuple[int, str]
"""A piece by number, and a value in it by name."""


class Followed:
    """A network, its pieces followed one after the other.

    Attributes:
        pieces: stem, blocks, classifier.
        names: by piece and module inside it, the names of prunable layers.
        shapes: by piece, of every value, for one image.
        channels: that go together.
    """

    def __init__(self, network: EarlyExitNetwork) -> None:
        self.network = network
        self.pieces = network.base.pieces()
        self.names = layer_names(network, self.pieces)
        self.shapes = shapes_of(network, self.pieces)
        self._all: list[Channels] = []
        self._parents: list[int] = []
        self._segments: dict[Value, list[Segment]] = {}
        self._follow()

    @property
    def channels(self) -> list[Channels]:
        """Channels that go together, in the order in which they are first made."""
        return [one for number, one in enumerate(self._all) if self._parents[number] == number]

    def of(self, piece: int, value: str) -> list[tuple[Channels, int]]:
        """What a value's channels are, side by side, and the cells that each channel has."""
        return [(self._all[self._root(number)], cells) for number, cells in self._segments[piece, value]]

    def _follow(self) -> None:
        spec = self.network.spec
        incoming = [(self._new(spec.channels, fixed=True), 1)]
        heads = {block: (number, head) for number, (block, head) in enumerate(self.network.heads.items())}
        last = len(self.pieces) - 1
        for number, piece in enumerate(self.pieces):
            self._segments[number, INPUT] = incoming
            for operation in piece.operations:
                self._segments[number, operation.name] = self._step(number, piece, operation)
            incoming = self._segments[number, piece.output]
            if number in heads:
                exit_, head = heads[number]
                cells = head.grid[0] * head.grid[1]
                self._read(f"{EXIT}{exit_}", [(group, cells) for group, _ in incoming])
            if number in heads or number == last - 1:
                for group, _ in incoming:
                    self._all[group].seen_by_exits = True
        for group, _ in incoming:  # classes
            self._all[group].fixed = True
        for number, one in enumerate(self._all):
            root = self._all[self._root(number)]
            if root is not one:
                root.places += one.places
                root.fixed |= one.fixed
                root.seen_by_exits |= one.seen_by_exits
                root.can_be_constant &= one.can_be_constant
        order = {name: place for place, name in enumerate(self.network.named_layers())}
        for one in self.channels:
            one.places.sort(key=lambda place: (order[place.layer], place.start))

    def _step(self, number: int, piece: Piece, operation: Operation) -> list[Segment]:
        """The channels of the value that an operation gives."""
        takes = [self._segments[number, name] for name in operation.inputs]
        part = piece.parts.get(operation.layer)
        if operation.kind == "convolution" and isinstance(part, nn.Conv2d):
            return self._convolution(self.names[number, operation.layer], part, takes[0])
        if operation.kind == "linear" and isinstance(part, nn.Linear):
            self._read(self.names[number, operation.layer], takes[0])
            return [(self._new(part.out_features, self.names[number, operation.layer]), 1)]
        if operation.kind == "add":
            if [self._all[group].size for group, _ in takes[0]] != [self._all[group].size for group, _ in takes[1]]:
                raise CannotFollow(f"{operation.name}: maps put together of different parts are added")
            for one, other in zip(*takes, strict=True):
                self._unite(one[0], other[0])
            return takes[0]
        if operation.kind == "concatenate":
            return [segment for segments in takes for segment in segments]
        if operation.kind == "flatten":
            height, width = self.shapes[number][operation.inputs[0]][2:]
            return [(group, height * width) for group, _ in takes[0]]
        if operation.kind == "average_pool" and operation.settings["padding"] != (0, 0):
            self._vary(takes[0])
        return takes[0]

    def _convolution(self, name: str, conv: nn.Conv2d, takes: list[Segment]) -> list[Segment]:
        if conv.groups == 1:
            self._read(name, takes)
            return [(self._new(conv.out_channels, name), 1)]
        if conv.groups == conv.in_channels == conv.out_channels:
            start = 0
            for group, _ in takes:
                self._all[group].places.append(Place(name, "passes", start))
                start += self._all[group].size
            self._vary(takes)
            return takes
        for group, _ in takes:
            self._all[group].fixed = True
        return [(self._new(conv.out_channels, fixed=True), 1)]

    def _new(self, size: int, writer: str | None = None, fixed: bool = False) -> int:
        self._all.append(Channels(size, [] if writer is None else [Place(writer, "makes")], fixed))
        self._parents.append(len(self._parents))
        return len(self._parents) - 1

    def _read(self, name: str, takes: list[Segment]) -> None:
        start = 0
        for group, cells in takes:
            self._all[group].places.append(Place(name, "reads", start, cells))
            start += self._all[group].size * cells

    def _vary(self, takes: list[Segment]) -> None:
        for group, _ in takes:
            self._all[group].can_be_constant = False

    def _unite(self, one: int, other: int) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._parents[second] = first

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            number = self._parents[number]
        return number


def layer_names(network: EarlyExitNetwork, pieces: list[Piece]) -> dict[tuple[int, str], str]:
    """The names of the prunable layers of the base network, by piece and module inside it."""
    known = {id(layer): name for name, layer in network.base.named_layers().items()}
    return {
        (number, operation.layer): known[id(piece.parts[operation.layer])]
        for number, piece in enumerate(pieces)
        for operation in piece.operations
        if id(piece.parts.get(operation.layer)) in known
    }


@torch.no_grad()
def shapes_of(network: EarlyExitNetwork, pieces: Sequence[Piece]) -> list[dict[str, tuple[int, ...]]]:
    """By piece, the shape of every value for one image."""
    spec, shapes = network.spec, []
    was_training = network.training
    network.eval()
    x: Tensor = next(network.parameters()).new_zeros(1, spec.channels, spec.height, spec.width)
    for piece in pieces:
        values = piece.values(x)
        shapes.append({name: tuple(value.shape) for name, value in values.items()})
        x = values[piece.output]
    network.train(was_training)
    return shapes


def coupled(spec: Spec) -> list[Channels]:
    """Which channels go together in a network, in the order in which they are first made.

    Raises:
        CannotFollow: if the architecture does something that cannot be followed.
    """
    if isinstance(spec.own, NamedSettings):
        raise CannotFollow(NOT_BLOCKS)
    return _coupled(json.dumps(spec.as_dict()))


@cache
def _coupled(told: str) -> list[Channels]:
    spec = Spec.from_dict(json.loads(told))
    with shapes_only(spec.channels * spec.height * spec.width):
        return Followed(EarlyExitNetwork(spec)).channels


def free_filters(spec: Spec) -> dict[str, Channels]:
    """Convolutions whose filters may go by themselves, by name, with all that goes along.

    These are the convolutions that alone write their channels, where no exit looks: exits' input keeps its width, and so do
    streams that several layers add to.
    """
    together = coupled(spec)
    convolutions = {place for place, part in spec_layers(spec) if isinstance(part, nn.Conv2d)}
    free = {}
    for one in together:
        makers = one.layers("makes")
        if (
            len(makers) == 1
            and makers[0] in convolutions
            and one.layers("reads")
            and not (one.fixed or one.seen_by_exits)
        ):
            free[makers[0]] = one
    return free


def spec_layers(spec: Spec) -> list[tuple[str, nn.Module]]:
    """The names of a network's prunable layers, and what each is, without weights."""
    with shapes_only():
        return list(EarlyExitNetwork(spec).named_layers().items())
