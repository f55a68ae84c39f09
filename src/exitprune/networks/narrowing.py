"""Narrowing: take channels out of the layers that hold them, and the network stays an ordinary one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from exitprune.networks.channels import Place
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, full_masks
from exitprune.networks.named import Named
from exitprune.networks.numbered import Stream


class Narrowing:
    """What stays of every layer.

    Args:
        network: that it is for.
        stays: by number of the stream, (C,) bool; the others keep all.
        streams: of the network; of each that is named one channel stays at least, as layers of none cannot be.
    """

    def __init__(self, network: EarlyExitNetwork, streams: list[Stream], stays: Mapping[int, Tensor]) -> None:
        norms = dict(network.base.named_modules())
        self._masks: dict[tuple[str, int], Tensor] = {}
        self._norms: dict[tuple[str, int], Tensor] = {}
        shapes = {name: mask.shape for name, mask in full_masks(network).items()}
        for number, wanted in stays.items():
            kept = wanted.clone()
            kept[0] |= not kept.any()
            for place in streams[number].places:
                _cut_(self._masks, shapes[place.layer][place.dimension], place, kept)
            for place in streams[number].norms:
                width = cast(nn.BatchNorm2d, norms[place.layer]).num_features
                _cut_(self._norms, width, place, kept)

    def masks(self, masks: Mapping[str, Tensor]) -> Masks:
        """Masks of the layers as they will be."""
        found = dict(masks)
        for (name, dimension), kept in self._masks.items():
            found[name] = _some(found[name], kept, dimension)
        return found

    @torch.no_grad()
    def narrow_(self, network: EarlyExitNetwork) -> None:
        """Take what does not stay out of the network, or of a copy of it."""
        layers, parts = network.named_layers(), dict(network.base.named_modules())
        for (name, dimension), kept in self._masks.items():
            layer = cast("nn.Conv2d | nn.Linear", layers[name])
            tensors = ["weight", "bias"] if dimension == 0 and layer.bias is not None else ["weight"]
            for tensor in tensors:
                _narrow_(layer, tensor, kept, dimension)
            if isinstance(layer, nn.Linear):
                layer.out_features, layer.in_features = layer.weight.shape
            elif layer.groups > 1:
                layer.groups = layer.in_channels = layer.out_channels = layer.weight.shape[0]
            else:
                layer.out_channels, layer.in_channels = layer.weight.shape[:2]
        for (name, _), kept in self._norms.items():
            norm = cast(nn.BatchNorm2d, parts[name])
            for tensor in ("weight", "bias", "running_mean", "running_var"):
                if getattr(norm, tensor) is not None:
                    _narrow_(norm, tensor, kept, 0)
            norm.num_features = int(kept.sum())
        if isinstance(network.base, Named):  # what it knows of its order and cost is of the network as it was
            network.base._order = None


def _cut_(kept: dict[tuple[str, int], Tensor], width: int, place: Place, stays: Tensor) -> None:
    whole = kept.setdefault((place.layer, place.dimension), torch.ones(width, dtype=torch.bool, device=stays.device))
    part = whole.narrow(0, place.start, len(stays) * place.cells)
    part &= stays.repeat_interleave(place.cells)


def _some(tensor: Tensor, kept: Tensor, dimension: int) -> Tensor:
    return tensor.index_select(dimension, kept.to(tensor.device).nonzero().flatten())


def _narrow_(module: nn.Module, name: str, kept: Tensor, dimension: int) -> None:
    old: Tensor = getattr(module, name)
    made = _some(old.detach(), kept, dimension)
    setattr(module, name, nn.Parameter(made, old.requires_grad) if isinstance(old, nn.Parameter) else made)
