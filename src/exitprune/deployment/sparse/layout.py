"""How the map of one channel lies in memory, so that a vector of the processor holds pixels and a weight is one number.

    zeros  . . . . . . . .     one row of zeros above: what a 3 x 3 kernel sees beyond the edge
    row 0  a a a _ b b b _     images side by side (here a and b), each padded with zero lanes (_)
    row 1  a a a _ b b b _
    more   _ _ _ _ _ _ _ _     zero rows, where whole vectors or chunks need them
    zeros  . . . . . . . .     one row of zeros below

There is nothing between rows: a vector may hold several rows, or a part of one.

Letters: C channels, H and W height and width of a map, V lanes of a vector, P vectors that are computed at once (a chunk).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

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
    def row(self) -> int:
        """Lanes of a row."""
        return self.image * self.together

    @property
    def least(self) -> int:
        """Vectors that a chunk must hold so that no image lies across its edge."""
        return max(1, self.image // self.lanes)

    @cached_property
    def _shape(self) -> tuple[int, int]:
        """Rows, and vectors of a chunk: those of the lowest cost."""
        tried, most = [], max(MOST_VECTORS[self.lanes], self.least)
        for rows in range(self.height, self.height + max(most, self.lanes) + 1):
            vectors, over = divmod(rows * self.row, self.lanes)
            sizes = [size for size in range(self.least, most + 1) if size % self.least == 0]
            fitting = [size for size in sizes if not over and vectors % size == 0]
            tried += [(vectors / size * (size + AROUND), rows, size) for size in fitting]
        _, rows, size = min(tried)
        return rows, size

    @property
    def rows(self) -> int:
        """Rows that are computed: H, and zero rows."""
        return self._shape[0]

    @property
    def chunk(self) -> int:
        """P."""
        return self._shape[1]

    @property
    def at_once(self) -> int:
        """Entries of a list that are worked on side by side, each with sums of its own, where a chunk is too small alone."""
        return next(entries for entries in (1, 2, 4) if entries == 4 or entries * self.chunk >= INDEPENDENT)

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
        return (self.rows, self.image) != (self.height, self.width)

    def mask(self) -> npt.NDArray[np.int32]:
        """(area,): all bits set where there is an image, none where there is not."""
        inside = np.zeros((self.rows, self.together, self.image), np.int32)
        inside[: self.height, :, : self.width] = -1
        return inside.ravel()

    def view(self, buffer: npt.NDArray[np.float32], channels: int) -> npt.NDArray[np.float32]:
        """A buffer as (C, H, images, W), without what is around."""
        maps = buffer[: channels * self.size].reshape(channels, self.rows + 2, self.together, self.image)
        return maps[:, 1 : self.height + 1, :, : self.width]
