"""Weights of any convolution that there is a kernel for, as those of one of 3 x 3, stride 1 and one group. Needs torch.

Zeros cost nothing, so it may be wasteful with them.

Letters: D and C output and input channels, h and w height and width of a kernel.
"""

from __future__ import annotations

from torch import Tensor, nn


def ungrouped(conv: nn.Conv2d) -> Tensor:
    """(D, C, h, w), with zeros where groups do not see each other."""
    weight = conv.weight.detach()
    if conv.groups == 1:
        return weight
    filters, channels = (size // conv.groups for size in (conv.out_channels, conv.in_channels))
    wide = weight.new_zeros(conv.out_channels, conv.in_channels, *weight.shape[2:])
    for group in range(conv.groups):
        rows, columns = (slice(group * size, (group + 1) * size) for size in (filters, channels))
        wide[rows, columns] = weight[rows]
    return wide


def square(weight: Tensor) -> Tensor:
    """A kernel of 1 or 3 rows and columns as one of 3 x 3."""
    rows, columns = (1 - side // 2 for side in weight.shape[2:])
    return nn.functional.pad(weight, (columns, columns, rows, rows))


def spread(weight: Tensor, places: Tensor, size: int, dim: int) -> Tensor:
    """Zeros between filters (dim 0) or channels (dim 1)."""
    shape = list(weight.shape)
    shape[dim] = size
    return weight.new_zeros(shape).index_copy(dim, places, weight)


def of_stride_one(weight: Tensor) -> Tensor:
    """(D, C, 3, 3) of stride 2 to (D, 4 C, 3, 3) of stride 1 on what `Split` makes.

    Row 2 y + i - 1 of a map is row y of the odd rows, or the one above, or row y of the even rows; columns likewise.
    """
    wide = weight.new_zeros(len(weight), weight.shape[1], 2, 2, 3, 3)  # (D, C, odd row, odd column, ...)
    to = ((1, 0), (0, 1), (1, 1))  # kernel row: whether rows are odd, and the row of the new kernel
    for i, (odd_row, row) in enumerate(to):
        for j, (odd_column, column) in enumerate(to):
            wide[:, :, odd_row, odd_column, row, column] = weight[:, :, i, j]
    return wide.reshape(len(weight), -1, 3, 3)
