"""Checkpoints: a network, its masks and what it was made from, in one safetensors file.

Weights and buffers stand under their names, masks bit-packed as `mask:<layer>`, everything else as JSON in the header.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from exitprune.documents import INSTEAD
from exitprune.errors import BadInput
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import Masks
from exitprune.storage import read_tensors, write_tensors


@dataclass(frozen=True)
class Checkpoint:
    """A level: network, masks, and the JSON header."""

    network: EarlyExitNetwork
    masks: Masks
    header: dict[str, Any]


def save_checkpoint(
    path: Path, network: EarlyExitNetwork, masks: Mapping[str, Tensor], header: Mapping[str, Any]
) -> None:
    """Write a level; `header` is anything JSON can hold that tells where it comes from."""
    tensors = dict(network.state_dict())
    for name, mask in masks.items():
        tensors[f"mask:{name}"] = torch.from_numpy(np.packbits(mask.cpu().numpy()))
    write_tensors(path, tensors, {**header, "network": network.spec.as_dict()})


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Read a level.

    Raises:
        BadInput: if the file is missing, cut short, not one of ours, or not a network.
    """
    tensors, header = read_tensors(path)
    if "network" not in header:
        raise BadInput(f"{path}: holds no network; give a level or recovered checkpoint")
    network = EarlyExitNetwork(Spec.from_dict(header["network"]))
    packed = {name.removeprefix("mask:"): tensors.pop(name) for name in list(tensors) if name.startswith("mask:")}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise BadInput(f"{path}: its weights do not fit the network its header describes ({error})") from None
    if packed.keys() != network.named_layers().keys():
        raise BadInput(f"{path}: its masks are not those of its layers; {INSTEAD}")
    masks = {}
    for name, layer in network.named_layers().items():
        shape = layer.get_parameter("weight").shape
        bits = np.unpackbits(packed[name].numpy(), count=shape.numel()).astype(bool)
        masks[name] = torch.from_numpy(bits).reshape(shape).to(device)
    network.place_(device)
    return Checkpoint(network, masks, header)
