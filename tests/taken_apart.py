"""For tests of folding, removal and export: what is in a block of a folded network."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from exitprune.deployment.folding import folded_base
from exitprune.networks.early_exit import EarlyExitNetwork


def conv(network: EarlyExitNetwork, name: str) -> nn.Conv2d | None:
    """A convolution by the name of the layer, or None if it is gone."""
    return cast(nn.Conv2d | None, network.named_layers().get(name))


def tensors(network: EarlyExitNetwork, kind: str) -> dict[int, Tensor]:
    """By block, counted from 1, what removal has put in: `pick`, `add_to` or `add_constant`."""
    return {
        number: cast(Tensor, piece.parts[operation.layer])
        for number, piece in enumerate(folded_base(network).pieces())
        for operation in piece.operations
        if operation.kind == kind
    }
