"""Folding: batch norm worked into the convolutions, for inference only. What is folded cannot be trained any more.

Letters: N images, C and D channels before and after a block, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from exitprune.networks.architectures.resnet import Block
from exitprune.networks.early_exit import EarlyExitNetwork


class FoldedBlock(nn.Module):
    """A residual block without batch norm; `removal` may have taken out its branch or parts of it.

    Attributes:
        c1, c2: the branch's convolutions with their biases; both None: the branch is its constant alone.
        sc: the projection of the shortcut, if there is one.
        constant: (1, D, 1, 1) or (1, D, H, W), added to the branch; None: nothing.
        reads: int64, the channels before the block that c1 takes; None: all.
        writes: int64, the channels after the block that c2 adds to; None: all.
    """

    constant: Tensor | None
    reads: Tensor | None
    writes: Tensor | None

    def __init__(self, c1: nn.Conv2d, c2: nn.Conv2d, sc: nn.Conv2d | None) -> None:
        super().__init__()
        self.c1: nn.Conv2d | None = c1
        self.c2: nn.Conv2d | None = c2
        self.sc = sc
        for name in ("constant", "reads", "writes"):
            self.register_buffer(name, None)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, D, H, W), or half of H and W where the block halves them."""
        total = x if self.sc is None else self.sc(x)
        if self.c1 is not None and self.c2 is not None:
            taken = x if self.reads is None else x.index_select(1, self.reads)
            branch = self.c2(F.relu(self.c1(taken)))
            total = total + branch if self.writes is None else total.index_add(1, self.writes, branch)
        if self.constant is not None:
            total = total + self.constant
        return F.relu(total)

    def named_layers(self) -> dict[str, nn.Module]:
        """The convolutions that are left, in order of execution."""
        layers = {"c1": self.c1, "c2": self.c2, "sc": self.sc}
        return {name: layer for name, layer in layers.items() if layer is not None}


def fold(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """A copy in evaluation mode whose convolutions have biases and whose batch norms are gone.

    It computes the same up to rounding: y = gamma (w * x - mean) / sqrt(var + eps) + beta is one convolution. Zero
    weights stay exactly zero.
    """
    network = deepcopy(network).eval().requires_grad_(False)
    base = network.base
    stem = fuse_conv_bn_eval(base.conv, base.bn)
    base.register_module("conv", stem)
    base.register_module("bn", nn.Identity())
    blocks = [_fold_block(cast(Block, block)) for block in base.blocks]
    base.register_module("blocks", nn.ModuleList(blocks))
    return network.requires_grad_(False)


def _fold_block(block: Block) -> FoldedBlock:
    projection = None if block.sc is None else fuse_conv_bn_eval(block.sc, block.bn_sc)
    return FoldedBlock(fuse_conv_bn_eval(block.c1, block.bn1), fuse_conv_bn_eval(block.c2, block.bn2), projection)


def folded_blocks(network: EarlyExitNetwork) -> Iterator[FoldedBlock]:
    """The blocks of a folded network, in order.

    Raises:
        ValueError: if the network is not folded.
    """
    for block in network.base.blocks:
        if not isinstance(block, FoldedBlock):
            raise ValueError("the network still has batch norm; fold it first")
        yield block


def map_shapes(network: EarlyExitNetwork) -> list[tuple[int, int, int]]:
    """(C, H, W) after each block of a folded network; only a projection changes them."""
    shape, shapes = (network.base.conv.out_channels, network.spec.height, network.spec.width), []
    for block in folded_blocks(network):
        if block.sc is not None:
            stride = block.sc.stride[0]
            shape = (block.sc.out_channels, -(-shape[1] // stride), -(-shape[2] // stride))
        shapes.append(shape)
    return shapes


def folded_conv(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution with the stride and padding of another and weights and biases of its own.

    Args:
        conv: where stride and padding come from.
        weight: (D, C, h, w).
        bias: (D,), or None.
    """
    made = nn.Conv2d(
        weight.shape[1],
        weight.shape[0],
        cast(Any, conv.kernel_size),
        cast(Any, conv.stride),
        cast(Any, conv.padding),
        bias=bias is not None,
        device="meta",  # draws no random weights
    )
    made.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias, requires_grad=False)
    return made
