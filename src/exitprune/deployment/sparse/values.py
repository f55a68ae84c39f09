"""The values of one piece of a network while it becomes steps: which map each is, and the steps so far. Needs torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from exitprune.deployment.sparse.machine import CannotRun
from exitprune.deployment.sparse.steps import Constant, Floats, Step
from exitprune.networks.operations import INPUT, Operation, Piece


@dataclass(frozen=True)
class Value:
    """A map, or some channels of one."""

    number: int
    channels: Tensor | None = None


class Values:
    """What has been computed.

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
        self.by_name = {INPUT: Value(value)}

    def refusal(self, found: str) -> CannotRun:
        """For something that there is no kernel for."""
        return CannotRun(f"{self.what} has {found}, for which there is no sparse kernel")

    def new(self) -> int:
        """The number of a map that is made next."""
        self.made += 1
        return self.made - 1

    def whole(self, name: str) -> int:
        """The map of a value with all its channels."""
        value = self.by_name[name]
        if value.channels is not None:
            raise self.refusal("channels that are picked for something else than a convolution")
        return value.number

    def channels_of(self, number: int) -> int:
        """How many a map has that a value of this piece is."""
        names = [name for name, value in self.by_name.items() if value.number == number and value.channels is None]
        return self.shapes[names[0]][1]

    def other(self, user: Operation, name: str) -> int | None:
        """The map that an addition adds to a value, if it is there already."""
        others = [one for one in user.inputs if one != name]
        if len(others) != 1 or others[0] not in self.by_name or (user.kind == "add_to" and user.inputs[1] != name):
            return None
        value = self.by_name[others[0]]
        return value.number if value.channels is None else None

    def constant(self, values: Tensor, name: str) -> int:
        """A map that is the same for every image, of the shape of a value."""
        made = self.new()
        self.steps.append(Constant(made, floats(values.expand(1, *self.shapes[name][1:])[0])))
        return made


def floats(values: Tensor) -> Floats:
    """As steps hold them."""
    return np.ascontiguousarray(values.detach().cpu().numpy(), np.float32)
