"""How the map of one channel lies in memory, so that a vector of the processor holds pixels and a weight is one number.

    zeros  . . . . . . . .     one row of zeros above: what a 3 x 3 kernel sees beyond the edge
    row 0  a a a _ b b b _     images side by side (here a and b), each padded with zero lanes (_)
    row 1  a a a _ b b b _
    more   _ _ _ _ _ _ _ _     zero rows, where whole vectors or chunks need them
    zeros  . . . . . . . .     one row of zeros below

There is nothing between rows. Where one image is narrower than a vector, parts of it lie side by side instead, and the rows
of zeros hold what a part sees of its neighbours, so that rows above and below are whole vectors, too:

    edge   . . . . 3 3 3 _     rows 0 to 3 on the left, 4 to 7 on the right
    row 0  0 0 0 _ 4 4 4 _
    ...
    row 3  3 3 3 _ 7 7 7 _
    edge   4 4 4 _ . . . .

Letters: C channels, H and W height and width of a map, V lanes of a vector, P vectors that are computed at once (a chunk).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

MOST_VECTORS = {16: 16, 8: 8, 4: 16}
"""P at most, by lanes, unless an image is wider: half of the registers that AVX-512, AVX2 and NEON have, so that the sums of a
chunk stay in them."""
INDEPENDENT = 8
"""Sums that must be under way so that none is waited for: two multiply-adds begin in each cycle, and each takes four."""
AROUND = 2.5
"""What a chunk costs beyond its vectors, in vectors: one broadcast per weight, and shifts at the end. Decides where rows of
zeros pay."""


@dataclass(frozen=True)
class Layout:
    """Of maps of H x W.

    Attributes:
        height, width: H and W.
        together: images side by side.
        lanes: V.
    """

    height: int
    width: int
    together: int
    lanes: int

    @cached_property
    def image(self) -> int:
        """Lanes of one image in a row: a power of two, or whole vectors."""
        if self.width > self.lanes:
            return -(-self.width // self.lanes) * self.lanes
        return max(2, 1 << (self.width - 1).bit_length())

    @property
    def parts(self) -> int:
        """Of an image, side by side."""
        return max(1, self.lanes // self.image) if self.together == 1 else 1

    @property
    def row(self) -> int:
        """Lanes of a row."""
        return self.image * self.together * self.parts

    @property
    def least(self) -> int:
        """Vectors that a chunk must hold so that no image lies across its edge."""
        return max(1, self.image // self.lanes)

    @cached_property
    def _shape(self) -> tuple[float, int, int]:
        """Cost, rows, and vectors of a chunk: those of the lowest cost."""
        tried, height = [], -(-self.height // self.parts)
        most = max(MOST_VECTORS[self.lanes], self.least)
        for rows in range(height, height + max(most, self.lanes) + 1):
            vectors, over = divmod(rows * self.row, self.lanes)
            sizes = [size for size in range(self.least, most + 1) if size % self.least == 0]
            fitting = [size for size in sizes if not over and vectors % size == 0]
            tried += [(vectors / size * (size + AROUND), rows, size) for size in fitting]
        return min(tried)

    @property
    def cost(self) -> float:
        """Of a weight, in vectors."""
        return self._shape[0]

    @property
    def rows(self) -> int:
        """Rows that are computed, of each part: those of the image, and zero rows."""
        return self._shape[1]

    @property
    def chunk(self) -> int:
        """P."""
        return self._shape[2]

    @property
    def is_one_chunk(self) -> bool:
        """Whether a chunk is the whole map, of parts side by side: a convolution then writes its edges, too."""
        return self.parts > 1 and self.chunk == self.rows

    @property
    def at_once(self) -> int:
        """Entries of a list that are worked on at once: two share a load, and there are sums enough."""
        return 2 if 2 * self.chunk >= INDEPENDENT else 4

    @property
    def apart(self) -> int:
        """How many of them have sums of their own, where those of a chunk are too few."""
        return 1 if self.chunk >= INDEPENDENT else self.at_once

    @property
    def area(self) -> int:
        """Lanes that are computed."""
        return self.rows * self.row

    @property
    def size(self) -> int:
        """Lanes from one channel to the next."""
        return (self.rows + 2) * self.row

    @property
    def is_padded(self) -> bool:
        """Whether lanes are computed that belong to no image."""
        return (self.rows * self.parts, self.image) != (self.height, self.width)

    @property
    def part(self) -> int:
        """Rows of the image in a part: more than there are, if there is but one."""
        return self.rows if self.parts > 1 else self.rows + 2

    def mask(self) -> npt.NDArray[np.int32]:
        """(area,): all bits set where there is an image, none where there is not."""
        inside = np.zeros((1, (self.rows + 2) * self.row), np.int32)
        self._write(inside, np.full((1, self.height, self.width), -1))
        return inside[0, self.row : -self.row].copy()

    def put(self, buffer: npt.NDArray[np.float32], values: npt.NDArray[np.float32]) -> None:
        """Write a map, (C, H, W), the same for every image, and its edges."""
        channels = len(values)
        self._write(buffer[: channels * self.size].reshape(channels, -1), values)
        maps = self.grid(buffer, channels)
        if self.parts > 1:
            maps[:, 0, 1:] = maps[:, -2, :-1]
            maps[:, -1, :-1] = maps[:, 1, 1:]

    def read(self, buffer: npt.NDArray[np.float32], channels: int) -> npt.NDArray[np.float32]:
        """A copy of a map as (C, H, images, W), without what is around."""
        maps = self.grid(buffer, channels)
        rows = [maps[:, place + 1, images, : self.width] for place, images in map(self._place, range(self.height))]
        return np.stack(rows, 1)

    def grid(self, buffer: npt.NDArray[np.float32], channels: int) -> npt.NDArray[np.float32]:
        """A buffer as (C, rows and two more, images or parts, lanes of one)."""
        maps = buffer[: channels * self.size]
        return maps.reshape(channels, self.rows + 2, self.together * self.parts, self.image)

    def _place(self, y: int) -> tuple[int, slice]:
        """The row that a row of an image is in, and which images, or which part."""
        part, place = divmod(y, self.part)
        return place, slice(part, part + 1) if self.parts > 1 else slice(None)

    def _write(self, maps: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
        grid = maps.reshape(len(values), self.rows + 2, self.together * self.parts, self.image)
        for y in range(self.height):
            place, images = self._place(y)
            grid[:, place + 1, images, : self.width] = values[:, y, None]
