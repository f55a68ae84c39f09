"""Which channels of a folded network somebody reads, and which of those are one number all over their map.

Letters: C channels of a value, side by side; D filters of a layer.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.networks.channels import Channels
from exitprune.networks.coupling import Followed
from exitprune.networks.operations import INPUT, Operation


class Needed:
    """What must stay of each set of channels that go together.

    A channel stays if somebody reads it and it is not constant. What goes in one place may leave something unread in another,
    so this looks again until nothing changes.
    """

    def __init__(self, followed: Followed) -> None:
        self.followed = followed
        self._layers = followed.network.named_layers()
        self._made = {layer: one for one in followed.channels for layer in one.layers("makes")}
        self._where = {
            followed.names[number, operation.layer]: (number, operation)
            for number, piece in enumerate(followed.pieces)
            for operation in piece.operations
            if (number, operation.layer) in followed.names
        }
        self._may_vanish = {id(one) for one in followed.channels if self._vanishes_into_an_addition(one)}
        self._read = self._find_read()
        self._constant: dict[int, Tensor] = {}
        self._stays: dict[int, Tensor] = {}
        for one in followed.channels:
            read = self._read[id(one)]
            constant = read & self._is_constant(one)
            if not (read & ~constant).any() and id(one) not in self._may_vanish:
                constant[int(read.int().argmax())] = False  # a map without channels is no map
            self._constant[id(one)], self._stays[id(one)] = constant, read & ~constant

    def stays(self, piece: int, value: str, cells: int | None = None) -> Tensor:
        """(C,) bool: the channels of a value that are left; each as often as it has cells."""
        return self._spread(self._stays, piece, value, cells)

    def filters(self, layer: str) -> Tensor:
        """(D,) bool: the filters of a layer that are left."""
        if layer not in self._made:  # the head of an exit
            weight = self._layers[layer].get_parameter("weight")
            return torch.ones(len(weight), dtype=torch.bool, device=weight.device)
        return self._stays[id(self._made[layer])]

    def constants(self, piece: int, value: str, cells: int | None = None) -> tuple[Tensor, Tensor]:
        """(C,) bool, the channels of a value that are read but are constant, and (C,) the number that each is."""
        level, sizes = self._level(piece, value), self.followed.of(piece, value)
        parts = torch.split(level, [one.size for one, _ in sizes])
        numbers = [part.repeat_interleave(cells or own) for part, (_, own) in zip(parts, sizes, strict=True)]
        return self._spread(self._constant, piece, value, cells), torch.cat(numbers)

    def _spread(self, masks: dict[int, Tensor], piece: int, value: str, cells: int | None) -> Tensor:
        return torch.cat(
            [masks[id(one)].repeat_interleave(cells or own) for one, own in self.followed.of(piece, value)]
        )

    def _find_read(self) -> dict[int, Tensor]:
        device = next(self.followed.network.parameters()).device
        channels = self.followed.channels
        read = {id(one): torch.ones(one.size, dtype=torch.bool, device=device) for one in channels}
        while True:
            found = {id(one): self._read_of(one, read) for one in channels}
            if all(torch.equal(found[key], read[key]) for key in read):
                return read
            read = found

    def _read_of(self, one: Channels, read: dict[int, Tensor]) -> Tensor:
        """(channels,) bool: some layer has a weight for the channel, in a filter that is itself read."""
        if one.fixed:
            return torch.ones_like(read[id(one)])
        found = torch.zeros_like(read[id(one)])
        for place in one.places:
            if place.role == "reads":
                weight: Tensor = self._layers[place.layer].get_parameter("weight")
                if place.layer in self._made:
                    weight = weight[read[id(self._made[place.layer])]]
                part = (weight[:, place.start : place.start + one.size * place.cells] != 0).any(
                    0
                )  # (channels x cells, h, w)
                found |= part.reshape(one.size, -1).any(1)
        if id(one) not in self._may_vanish:
            found[0] |= ~found.any()
        return found

    def _is_constant(self, one: Channels) -> Tensor:
        """(channels,) bool: made by one layer alone, whose filter is empty, and constant wherever it is read."""
        makers = one.layers("makes")
        if len(makers) != 1 or one.fixed or not one.can_be_constant:
            return torch.zeros_like(self._read[id(one)])
        return (self._layers[makers[0]].get_parameter("weight").flatten(1) == 0).all(1)

    def _vanishes_into_an_addition(self, one: Channels) -> bool:
        """Whether a network without any of the channels is still one: what reads them only adds to something else."""
        layers = [*one.layers("makes"), *one.layers("reads")]
        if len(one.layers("makes")) != 1 or one.layers("passes") or one.seen_by_exits or one.fixed:
            return False
        if any(layer not in self._where for layer in layers) or len({self._where[layer][0] for layer in layers}) > 1:
            return False
        return all(self._only_adds(*self._where[layer], one) for layer in one.layers("reads"))

    def _only_adds(self, number: int, reader: Operation, one: Channels) -> bool:
        piece = self.followed.pieces[number]
        users = piece.users(reader.name)
        whole = self.followed.of(number, reader.inputs[0])
        alone = len(whole) == 1 and whole[0][0] is one and reader.kind == "convolution"
        if not alone or len(users) != 1 or users[0].kind != "add" or reader.name == piece.output:
            return False
        return users[0].inputs[1 - users[0].inputs.index(reader.name)] == INPUT or users[0].inputs[0] == reader.name

    def _level(self, number: int, value: str) -> Tensor:
        """(channels of the value,): what each is, if its filter is empty; as a channel, before it is flattened."""
        if value == INPUT:
            if number == 0:
                weight = next(self.followed.network.parameters())
                return weight.new_zeros(self.followed.network.spec.channels)
            return self._level(number - 1, self.followed.pieces[number - 1].output)
        piece = self.followed.pieces[number]
        operation = next(one for one in piece.operations if one.name == value)
        part = piece.parts.get(operation.layer)
        if isinstance(part, nn.Conv2d | nn.Linear):
            return cast(Tensor, part.bias)
        before = [self._level(number, name) for name in operation.inputs]
        if isinstance(part, nn.BatchNorm2d):
            normed: Tensor = part(before[0].reshape(1, -1, 1, 1)).flatten()
            return normed
        if operation.kind == "relu":
            return F.relu(before[0])
        if operation.kind == "add":
            return before[0] + before[1]
        return torch.cat(before)
