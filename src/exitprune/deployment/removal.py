"""Exact removal: take out of a folded network what pruning emptied, so that dense kernels have less to do.

Taken out are: channels inside a block that nothing writes or nobody reads, whole residual branches, and channels of a
stream (the maps that blocks hand on and exits look at) that nobody reads. Where a block's branch reads or writes only a
few channels of a stream that others need, the branch alone does without the rest. The network computes the same, up to
rounding. Empty filters of the stem and of projections stay: they write streams that others add to.

A filter whose weights are all zero still yields a constant, relu(bias). Behind it stands a zero-padded convolution,
which sees that constant inside the map and zeros around it, so what the constant adds differs at the border: it is kept
as a map, not as a bias. Counting what is empty, without taking it out: `emptied`.

Letters: C channels of a stream, M channels inside a block, K classes, H and W height and width.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.deployment.folding import FoldedBlock, folded_blocks, folded_conv, map_shapes
from exitprune.networks.early_exit import EarlyExitNetwork, ExitHead

# Of a stream's channels. Picking channels out of a map costs time, too: on a CPU, picking half paid for ResNet-56's
# convolutions, picking three quarters did not.
WORTH_PICKING = 0.5


def remove_emptied(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """A smaller copy of a folded network that computes the same, up to rounding.

    Raises:
        ValueError: if the network is not folded, or was made smaller before.
    """
    network = deepcopy(network)
    blocks = list(folded_blocks(network))
    if any(block.c1 is None or not (block.constant is block.reads is block.writes is None) for block in blocks):
        raise ValueError("what is empty was taken out of this network before; start from the folded network")
    streams, inner = _needed(network, blocks)
    _slice_ends_(network, streams)
    before, after = _before_and_after(streams, blocks)
    for block, shape, comes, goes, kept in zip(blocks, map_shapes(network), before, after, inner, strict=True):
        _slice_block_(block, comes, goes, kept, shape[1:])
    return network


def _stream_of_block(blocks: list[FoldedBlock]) -> list[int]:
    """Which stream each block writes to; a projection starts a new one."""
    numbers, number = [], 0
    for block in blocks:
        number += block.sc is not None
        numbers.append(number)
    return numbers


def _before_and_after(streams: list[Tensor], blocks: list[FoldedBlock]) -> tuple[list[Tensor], list[Tensor]]:
    """The needed channels of the stream that each block reads, and of the one it writes."""
    after = [streams[number] for number in _stream_of_block(blocks)]
    return [streams[0], *after[:-1]], after


def _needed(network: EarlyExitNetwork, blocks: list[FoldedBlock]) -> tuple[list[Tensor], list[Tensor]]:
    """Which channels somebody reads: (C,) bool for each stream, (M,) bool inside each block.

    What goes in one place may leave something unread in another, so this looks again until nothing changes.
    """
    numbers = _stream_of_block(blocks)
    device = network.base.conv.weight.device
    firsts = [network.base.conv, *(block.sc for block in blocks if block.sc is not None)]
    streams = [torch.ones(conv.out_channels, dtype=torch.bool, device=device) for conv in firsts]
    while True:
        after = _before_and_after(streams, blocks)[1]
        inner = [_read_inside(block, goes) for block, goes in zip(blocks, after, strict=True)]
        read = [torch.zeros_like(stream) for stream in streams]
        for block, number, goes, kept in zip(blocks, [0, *numbers[:-1]], after, inner, strict=True):
            read[number] |= _read_by_block(block, goes, kept)
        for index, head in network.heads.items():
            read[numbers[index - 1]] |= _read_by_head(head)
        read[-1] |= (network.base.fc.weight != 0).any(0)
        for stream in read:
            stream[0] |= ~stream.any()  # a map without channels is no map
        if all(torch.equal(old, new) for old, new in zip(streams, read, strict=True)):
            return streams, inner
        streams = read


def _branch(block: FoldedBlock) -> tuple[nn.Conv2d, nn.Conv2d]:
    """The branch of a block that still has it."""
    return cast(nn.Conv2d, block.c1), cast(nn.Conv2d, block.c2)


def _read_inside(block: FoldedBlock, goes: Tensor) -> Tensor:
    """(M,): the second convolution reads the channel for some channel that is needed."""
    return (_branch(block)[1].weight[goes] != 0).any(dim=(0, 2, 3))


def _read_by_block(block: FoldedBlock, goes: Tensor, kept: Tensor) -> Tensor:
    """(C,): the block reads the channel of the stream before it, otherwise than by handing it on."""
    read = (_branch(block)[0].weight[kept] != 0).any(dim=(0, 2, 3))
    return read if block.sc is None else read | (block.sc.weight[goes] != 0).any(dim=(0, 2, 3))


def _read_by_head(head: ExitHead) -> Tensor:
    """(C,): the head has a weight for some place of the channel."""
    return (head.fc.weight != 0).any(0).reshape(-1, head.grid[0] * head.grid[1]).any(1)


def _slice_ends_(network: EarlyExitNetwork, streams: list[Tensor]) -> None:
    """Keep the needed channels of the streams in the stem, the heads and the classifier."""
    base = network.base
    base.register_module("conv", _slice(base.conv, streams[0], None))
    numbers = _stream_of_block(list(folded_blocks(network)))
    for index, head in network.heads.items():
        places = streams[numbers[index - 1]].repeat_interleave(head.grid[0] * head.grid[1])
        _keep_columns_(head.fc, places)
    _keep_columns_(base.fc, streams[-1])


def _slice_block_(block: FoldedBlock, comes: Tensor, goes: Tensor, kept: Tensor, size: tuple[int, int]) -> None:
    """Keep the needed channels of a block; what filters without weights yield goes into the block's constant.

    Args:
        block: changed in place.
        comes, goes: (C,) bool, channels needed of the streams before and after it.
        kept: (M,) bool, channels inside that somebody reads.
        size: H and W inside the block.
    """
    c1, c2 = _branch(block)
    if block.sc is not None:
        block.sc = _slice(block.sc, goes, comes)
    working = kept & (c1.weight != 0).any(dim=(1, 2, 3))
    constant = _what_constants_add(c1, c2, kept & ~working, goes, size)
    bias = cast(Tensor, c2.bias).reshape(1, -1, 1, 1)
    writes = goes & (c2.weight[:, working] != 0).any(dim=(1, 2, 3))
    reads = comes & (c1.weight[working] != 0).any(dim=(0, 2, 3))
    if not working.any():
        block.c1 = block.c2 = None
        constant = _sum(constant, bias[:, goes])
    else:
        if writes.sum() <= WORTH_PICKING * goes.sum():
            constant = _sum(constant, torch.where(writes, 0, bias.flatten())[goes].reshape(1, -1, 1, 1))
            block.register_buffer("writes", writes[goes].nonzero().flatten())
        else:
            writes = goes
        if reads.sum() <= WORTH_PICKING * comes.sum():
            block.register_buffer("reads", reads[comes].nonzero().flatten())
        else:
            reads = comes
        block.c1, block.c2 = _slice(c1, working, reads), _slice(c2, writes, working)
    block.register_buffer("constant", constant)


def _sum(constant: Tensor | None, more: Tensor) -> Tensor | None:
    """Both constants; None where they add nothing."""
    total = more if constant is None else constant + more
    return total if total.any() else None


def _what_constants_add(
    c1: nn.Conv2d, c2: nn.Conv2d, constant: Tensor, goes: Tensor, size: tuple[int, int]
) -> Tensor | None:
    """(1, C, H, W), what the channels without a filter add to the branch; None: nothing.

    They are relu(bias) inside the map and, for the second convolution, zero around it.
    """
    value = F.relu(cast(Tensor, c1.bias)[constant])
    if not value.any():
        return None
    maps = value.reshape(1, -1, 1, 1).expand(1, -1, *size)
    return F.conv2d(maps, c2.weight[goes][:, constant], stride=c2.stride, padding=cast(Any, c2.padding))


def _slice(conv: nn.Conv2d, goes: Tensor, comes: Tensor | None) -> nn.Conv2d:
    """A convolution with some of the output and (None: all) input channels."""
    weight = conv.weight[goes]
    return folded_conv(conv, weight if comes is None else weight[:, comes], cast(Tensor, conv.bias)[goes])


def _keep_columns_(linear: nn.Linear, columns: Tensor) -> None:
    """Keep some of the inputs of a linear layer."""
    linear.weight = nn.Parameter(linear.weight[:, columns].contiguous(), requires_grad=False)
    linear.in_features = int(columns.sum())
