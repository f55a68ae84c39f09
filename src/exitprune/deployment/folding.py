"""Folding: batch norm worked into the convolutions before it, for inference only. What is folded cannot be trained any more.

Letters: N images, C and D channels before and after a layer, h and w height and width of a kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from operator import attrgetter
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from exitprune.networks.architectures import Blocks
from exitprune.networks.coupling import layer_names
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.operations import CannotFollow, Piece


class FoldedPiece(nn.Module):
    """A stem, block or classifier as the operations that are left of it.

    Attributes:
        run: what computes them; its parts are under their names.
    """

    def __init__(self, piece: Piece) -> None:
        super().__init__()
        self.run = piece.compiled()
        self._operations, self._output, self._parts = piece.operations, piece.output, tuple(piece.parts)

    @property
    def piece(self) -> Piece:
        """The operations, and their parts as they are now, wherever they were moved."""
        parts = {name: attrgetter(name)(self.run) for name in self._parts}
        return Piece(self._operations, self._output, parts)

    def forward(self, x: Tensor) -> Tensor:
        """What the piece gives, up to rounding."""
        y: Tensor = self.run.forward(x)  # not called: what torch.fx wraps around a call costs as much as a small layer
        return y

    def __deepcopy__(self, memo: dict[int, Any]) -> FoldedPiece:
        piece = self.piece
        return FoldedPiece(replace(piece, parts={name: deepcopy(part, memo) for name, part in piece.parts.items()}))


class Folded(Blocks):
    """A base network of folded pieces.

    Args:
        pieces: stem, blocks, classifier.
        names: of the prunable layers, by piece and module inside it; those that are gone are passed over.
    """

    def __init__(self, pieces: Sequence[Piece], names: Mapping[tuple[int, str], str]) -> None:
        super().__init__()
        opening, *blocks, closing = (FoldedPiece(piece) for piece in pieces)
        self.opening, self.blocks, self.closing = opening, nn.ModuleList(blocks), closing
        self.names = dict(names)

    def stem(self, x: Tensor) -> Tensor:
        y: Tensor = self.opening(x)
        return y

    def classify(self, features: Tensor) -> Tensor:
        logits: Tensor = self.closing(features)
        return logits

    def pieces(self) -> list[Piece]:
        return [folded.piece for folded in (self.opening, *self.blocks, self.closing)]

    def named_layers(self) -> dict[str, nn.Module]:
        pieces = self.pieces()
        return {
            name: cast(nn.Module, pieces[number].parts[layer])
            for (number, layer), name in self.names.items()
            if layer in pieces[number].parts
        }


def fold(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """A copy in evaluation mode whose convolutions have biases; batch norms that follow one are gone.

    It computes the same up to rounding: y = gamma (w * x - mean) / sqrt(var + eps) + beta is one convolution. Zero
    weights stay exactly zero. A batch norm that follows something else stays.

    Raises:
        CannotFollow: if the network does something that cannot be taken apart.
    """
    if network.spec.gated:
        raise CannotFollow("a network whose gates look at each image cannot be taken apart: no two images run the same")
    network = deepcopy(network).eval().requires_grad_(False)
    pieces = network.base.pieces()
    names = layer_names(network, pieces)
    in_order = {name: key for key, name in names.items()}
    names = {in_order[name]: name for name in network.base.named_layers() if name in in_order}
    network.base = Folded([_fold_piece(piece) for piece in pieces], names)
    return network.eval().requires_grad_(False)


def folded_base(network: EarlyExitNetwork) -> Folded:
    """The base of a folded network.

    Raises:
        ValueError: if the network is not folded.
    """
    if not isinstance(network.base, Folded):
        raise ValueError("the network still has batch norm; fold it first")
    return network.base


def _fold_piece(piece: Piece) -> Piece:
    made = {operation.name: operation for operation in piece.operations}
    parts, operations, replaced = dict(piece.parts), [], {}
    for operation in piece.operations:
        before = made.get(operation.inputs[0])
        if (
            operation.kind == "batch_norm"
            and before
            and before.kind == "convolution"
            and len(piece.users(before.name)) == 1
        ):
            conv, norm = cast(nn.Conv2d, parts[before.layer]), cast(nn.BatchNorm2d, parts[operation.layer])
            parts[before.layer] = fuse_conv_bn_eval(conv, norm)
            replaced[operation.name] = before.name
            continue
        inputs = tuple(replaced.get(name, name) for name in operation.inputs)
        operations.append(replace(operation, inputs=inputs))
    for operation in operations:
        part = parts.get(operation.layer)
        if isinstance(part, nn.Conv2d) and part.bias is None:
            parts[operation.layer] = folded_conv(part, part.weight, part.weight.new_zeros(part.out_channels))
        elif isinstance(part, nn.Linear) and part.bias is None:
            part.bias = nn.Parameter(part.weight.new_zeros(part.out_features), requires_grad=False)
    return Piece(tuple(operations), replaced.get(piece.output, piece.output), parts).without_unused()


def folded_conv(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution with the stride and padding of another and weights and biases of its own.

    Args:
        conv: where stride and padding come from; of its groups there is one, or as many as channels.
        weight: (D, C, h, w).
        bias: (D,), or None.
    """
    groups = weight.shape[0] if conv.groups > 1 else 1
    made = nn.Conv2d(
        weight.shape[1] * groups,
        weight.shape[0],
        cast(Any, conv.kernel_size),
        cast(Any, conv.stride),
        cast(Any, conv.padding),
        cast(Any, conv.dilation),
        groups,
        bias=bias is not None,
        device="meta",  # draws no random weights
    )
    made.weight = nn.Parameter(weight.detach().contiguous(memory_format=torch.channels_last), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return made
