"""Folding: batch norm worked into the convolutions before it, for inference only. What is folded cannot be trained any more.

Letters: N images, C and D channels before and after a layer, h and w height and width of a kernel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from exitprune.networks.architectures import Blocks
from exitprune.networks.coupling import layer_names
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.operations import CannotFollow, Operation, Piece


class FoldedPiece(nn.Module):
    """A stem, block or classifier as the operations that are left of it; its parts are numbered."""

    def __init__(self, piece: Piece) -> None:
        super().__init__()
        self._piece = piece
        for number, part in enumerate(piece.parts.values()):
            if isinstance(part, nn.Module):
                self.add_module(f"part{number}", part)
            else:
                self.register_buffer(f"part{number}", part)

    @property
    def piece(self) -> Piece:
        """The operations, and their parts as they are now, wherever they were moved: a module stays itself, a tensor does not."""
        if not self._buffers:
            return self._piece
        parts = {name: getattr(self, f"part{number}") for number, name in enumerate(self._piece.parts)}
        return replace(self._piece, parts=parts)

    def forward(self, x: Tensor) -> Tensor:
        """What the piece gives, up to rounding."""
        return self.piece(x)


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
    modes = {module: module.training for module in network.modules()}
    network.eval()
    pieces = network.base.pieces()
    folded = [_fold_piece(piece) for piece in pieces]
    for module, mode in modes.items():
        module.training = mode
    names = layer_names(network, pieces)
    in_order = {name: key for key, name in names.items()}
    names = {in_order[name]: name for name in network.base.named_layers() if name in in_order}
    return _with_base(network, Folded(folded, names))


def fold_together(networks: Sequence[EarlyExitNetwork]) -> list[EarlyExitNetwork]:
    """Networks that differ in their exit heads alone, folded; they share the first one's folded base.

    Raises:
        CannotFollow: as `fold`.
    """
    first = fold(networks[0])
    return [first, *(_with_base(network, folded_base(first)) for network in networks[1:])]


def _with_base(network: EarlyExitNetwork, base: Folded) -> EarlyExitNetwork:
    """A copy in evaluation mode, with this base in the place of its own."""
    return deepcopy(network, {id(network.base): base}).eval().requires_grad_(False)


def folded_base(network: EarlyExitNetwork) -> Folded:
    """The base of a folded network.

    Raises:
        ValueError: if the network is not folded.
    """
    if not isinstance(network.base, Folded):
        raise ValueError("the network still has batch norm; fold it first")
    return network.base


def _fold_piece(piece: Piece) -> Piece:
    """The piece without the batch norms that follow a convolution; no part is one of the old."""
    made = {operation.name: operation for operation in piece.operations}
    norms: dict[str, Operation] = {}  # by the value of the convolution that each goes into
    for operation in piece.operations:
        before = made.get(operation.inputs[0])
        follows = operation.kind == "batch_norm" and before and before.kind == "convolution"
        if before and follows and len(piece.users(before.name)) == 1:
            norms[before.name] = operation
    replaced = {norm.name: value for value, norm in norms.items()}
    parts: dict[str, nn.Module | Tensor] = {}
    operations: list[Operation] = []
    for operation in piece.operations:
        if operation.name in replaced:
            continue
        operations.append(replace(operation, inputs=tuple(replaced.get(name, name) for name in operation.inputs)))
        part = piece.parts.get(operation.layer)
        if operation.name in norms:
            norm = piece.parts[norms[operation.name].layer]
            parts[operation.layer] = fuse_conv_bn_eval(cast(nn.Conv2d, part), cast(nn.BatchNorm2d, norm))
        elif part is not None:
            parts[operation.layer] = _with_bias(deepcopy(part))
    return Piece(tuple(operations), replaced.get(piece.output, piece.output), parts).without_unused()


def _with_bias(part: nn.Module | Tensor) -> nn.Module | Tensor:
    """A layer that has biases, of zero if it had none; anything else as it is."""
    if isinstance(part, nn.Conv2d) and part.bias is None:
        return folded_conv(part, part.weight, part.weight.new_zeros(part.out_channels))
    if isinstance(part, nn.Linear) and part.bias is None:
        part.bias = nn.Parameter(part.weight.new_zeros(part.out_features), requires_grad=False)
    return part


def folded_conv(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution with the stride and padding of another and weights and biases of its own.

    Args:
        conv: where stride, padding and groups come from; where each channel is a group, of those that are left.
        weight: (D, C, h, w).
        bias: (D,), or None.
    """
    is_depthwise = conv.groups == conv.in_channels == conv.out_channels
    groups = weight.shape[0] if is_depthwise and conv.groups > 1 else conv.groups
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
