"""Which channels go together in any module: numbers follow the channels through whatever torch computes.

Each filter of a layer has a number. One image is run, and beside each map goes a map of the same shape that says which
filter each value comes from. Convolutions and linear layers read numbers and make new ones; what works value by value
hands them on and says which belong together; what moves values moves numbers. Whatever else meets them fixes them: such
channels stay, and the rest of the network can be pruned all the same. `coupling` does this for blocks, without running.

Letters: N images, C channels, H and W height and width of a map.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import torch
from torch import Tensor

from exitprune.networks.channels import Channels, Place, Role


@dataclass
class Stream(Channels):
    """Channels that go together, in any module.

    Attributes:
        norms: batch norms that the channels pass, by name among the base network's modules.
        why: what fixes them.
        is_sum: whether values of several layers are added in them; factors do not count.
    """

    norms: list[Place] = field(default_factory=list)
    why: str = ""
    is_sum: bool = False


class Numbers:
    """Channels by number, from 1; 0 is none."""

    def __init__(self) -> None:
        self._all: list[Stream] = []
        self._parents: list[int] = []
        self._starts: list[int] = []
        self._next = 1

    @property
    def streams(self) -> list[Stream]:
        """Channels that go together, in the order in which they are first made."""
        return [one for number, one in enumerate(self._all) if self._parents[number] == number]

    def new(self, layer: str, size: int) -> Tensor:
        """(C,) numbers of the filters of a layer."""
        self._all.append(Stream(size, [Place(layer, "makes")]))
        self._parents.append(len(self._parents))
        self._starts.append(self._next)
        self._next += size
        return torch.arange(self._starts[-1], self._next, device="cpu")

    def fix(self, numbers: Tensor, why: str) -> None:
        """These stay, and all that goes with them."""
        for root in self._parts(numbers):
            self._all[root].fixed = True
            self._all[root].why = self._all[root].why or why

    def see(self, numbers: Tensor) -> None:
        """An exit looks at these."""
        for root in self._parts(numbers):
            self._all[root].seen_by_exits = True

    def place(self, numbers: Tensor, layer: str, role: Role, norm: bool = False) -> None:
        """A layer holds channels in this order.

        Args:
            numbers: (C,), or (C x cells,) where a linear layer sees a map flattened; 0 where nothing is known.
            layer: its name.
            role: what it does with them.
            norm: whether it is a batch norm.
        """
        roots, index = self._told(numbers)
        for root in self._parts(numbers):
            one, at = self._all[root], (roots == root).nonzero().flatten()
            start, cells = int(at[0]), len(at) // one.size
            wanted = torch.arange(one.size, device="cpu").repeat_interleave(cells)
            if len(wanted) != len(at) or int(at[-1]) != start + len(at) - 1 or not torch.equal(index[at], wanted):
                self.fix(numbers[at], f"{layer} takes them in another order, or not all")
            else:
                (one.norms if norm else one.places).append(Place(layer, role, start, cells))

    def join(self, first: Tensor, second: Tensor, adds: bool, what: str) -> Tensor:
        """What is computed value by value of two maps: their channels go together; the numbers of one of them.

        Args:
            first, second: of the same shape.
            adds: whether the maps are summands, or one is a factor of the other.
            what: to call it.
        """
        both = _slim(torch.stack((first, second)))
        found, pairs = both.amax(0), both.flatten(1).unique(dim=1)  # type: ignore[no-untyped-call]
        alone = (pairs > 0).sum(0) == 1
        if alone.any():
            self.fix(pairs[:, alone], what)
        pairs = pairs[:, (pairs > 0).all(0) & (pairs[0] != pairs[1])]
        (one, index), (other, counterpart) = self._told(pairs[0]), self._told(pairs[1])
        for left, right in {(int(a), int(b)) for a, b in zip(one, other, strict=True)}:
            here = (one == left) & (other == right)
            whole = int(here.sum()) == self._all[left].size == self._all[right].size
            if not whole or not torch.equal(index[here], counterpart[here]):
                self.fix(pairs[:, here], what)
            elif left != right:
                self._unite(left, right, adds)
        return found.expand(first.shape)

    def _parts(self, numbers: Tensor) -> list[int]:
        there = sorted(set(_slim(numbers.unsqueeze(0)).flatten().tolist()))
        roots = self._told(torch.tensor(there, device="cpu"))[0]
        return sorted(set(roots.tolist()) - {-1})

    def _told(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Of each number, its stream and its place in it; -1: none."""
        roots, places = [], []
        for number in numbers.tolist():
            part = bisect_right(self._starts, number) - 1
            roots.append(self._root(part) if number else -1)
            places.append(number - self._starts[part] if number else -1)
        return torch.tensor(roots, device="cpu"), torch.tensor(places, device="cpu")

    def _unite(self, first: int, second: int, adds: bool) -> None:
        first, second = sorted((self._root(first), self._root(second)))
        if first == second:
            return
        self._parents[second] = first
        one, other = self._all[first], self._all[second]
        one.places += other.places
        one.norms += other.norms
        one.fixed |= other.fixed
        one.why = one.why or other.why
        one.seen_by_exits |= other.seen_by_exits
        one.is_sum |= other.is_sum or adds

    def _root(self, part: int) -> int:
        while self._parents[part] != part:
            part = self._parents[part]
        return part


def _slim(maps: Tensor) -> Tensor:
    """(M, ...) maps without the dimensions along which all are constant: these are 1 long."""
    for dimension in range(1, maps.dim()):
        first = maps.narrow(dimension, 0, 1)
        if torch.equal(maps, first.expand_as(maps)):
            maps = first
    return maps
