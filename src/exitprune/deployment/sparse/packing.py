"""Weights as kernels read them: a convolution's as lists of what is not zero, by output channel and kernel column.

An entry is eight bytes: where its input lies, in lanes after a chunk begins (int32), and the weight (float32). Of as many as
are worked on at once (`Layout.at_once`, A) first come the offsets, then the weights: so few loads take them. An output channel
has three lists, for kernel columns 1, 0 and 2. The inputs of column 1 lie straight under the outputs; the sums of column 0
belong one pixel further right, those of column 2 one further left: they are shifted once, when a list is through. Lists are
filled up with zeros to whole multiples of A.

An exit's averages and linear layer are filled up with zeros to whole vectors.

Letters: C and D channels before and after, g and h rows and columns of a grid, K classes, F features of an exit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exitprune.deployment.sparse.kernels.exits import UNROLLED
from exitprune.deployment.sparse.layout import Layout
from exitprune.deployment.sparse.steps import Exit, Floats

COLUMNS = [1, 0, 2]
"""Order of the lists."""


@dataclass(frozen=True)
class Packed:
    """Lists of a convolution.

    Attributes:
        entries: (lists' lengths / A, 2, A) int32, list after list: offsets, and the bits of weights.
        counts: (D x 3,) int32, how long each list is.
    """

    entries: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]


def pack(weight: Floats, layout: Layout) -> Packed:
    """(D, C, 3, 3) weights for maps of a layout."""
    by_list = weight.transpose(0, 3, 1, 2)[:, COLUMNS]  # (D, list, C, kernel row)
    output, column, channel, row = by_list.nonzero()
    which = 3 * output + column
    found = np.bincount(which, minlength=3 * len(weight))
    counts = -(-found // layout.at_once) * layout.at_once
    place = np.arange(len(which)) + np.repeat(np.cumsum(counts - found) - (counts - found), found)
    entries = np.zeros((counts.sum() // layout.at_once, 2, layout.at_once), np.int32)
    offsets, weights = entries[:, 0], entries[:, 1].view(np.float32)
    at = np.divmod(place, layout.at_once)
    offsets[at] = channel * layout.size + row * layout.row
    weights[at] = by_list[output, column, channel, row]
    return Packed(entries, counts.astype(np.int32))


@dataclass(frozen=True)
class PackedExit:
    """An exit's averages and linear layer.

    Attributes:
        windows: (g, 2) int64, where each row of cells begins and ends.
        averages: (g, h, lanes of an image), by how much each lane counts.
        weights: (F, K), F filled up to a multiple of `UNROLLED`, K to whole vectors.
        bias: (K,), filled up.
    """

    windows: npt.NDArray[np.int64]
    averages: Floats
    weights: Floats
    bias: Floats


def pack_exit(step: Exit, layout: Layout) -> PackedExit:
    """An exit on a map of a layout; it averages adaptively, as torch does."""
    rows, columns = (
        _windows(side, cells) for side, cells in zip((layout.height, layout.width), step.grid, strict=True)
    )
    averages = np.zeros((*step.grid, layout.image), np.float32)
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(columns):
            averages[i, j, left:right] = 1 / ((bottom - top) * (right - left))
    num_classes, num_features = step.weight.shape
    features, filled = (-(-num // of) * of for num, of in ((num_features, UNROLLED), (num_classes, layout.lanes)))
    weights, bias = np.zeros((features, filled), np.float32), np.zeros(filled, np.float32)
    weights[:num_features, :num_classes], bias[:num_classes] = step.weight.T, step.bias
    return PackedExit(np.array(rows, np.int64), averages, weights, bias)


def _windows(side: int, cells: int) -> list[tuple[int, int]]:
    return [(cell * side // cells, -(-(cell + 1) * side // cells)) for cell in range(cells)]
