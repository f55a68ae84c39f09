"""A convolution's weights as lists: what is not zero, by output channel and kernel column.

An entry is eight bytes: where its input lies, in lanes after a chunk begins (int32), and the weight (float32). Of as many as
are worked on at once (`Layout.at_once`, A) first come the offsets, then the weights: so few loads take them. An output channel
has three lists, for kernel columns 1, 0 and 2. The inputs of column 1 lie straight under the outputs; the sums of column 0
belong one pixel further right, those of column 2 one further left: they are shifted once, when a list is through. Lists are
filled up with zeros to whole multiples of A.

Letters: C and D channels before and after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exitprune.deployment.sparse.layout import Layout
from exitprune.deployment.sparse.steps import Floats

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
