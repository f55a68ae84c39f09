"""Checkpoints: a network, its masks and what it was made from, in one safetensors file.

Weights and buffers stand under their names, masks bit-packed as `mask:<layer>`, everything else as JSON in the header.
Nothing that is not finite is ever written, or taken.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from exitprune.config.model import NamedSettings
from exitprune.documents import INSTEAD, checked
from exitprune.errors import BadInput
from exitprune.networks.architectures import Architecture
from exitprune.networks.checkpoint_header import CheckpointHeader
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import Masks, weights
from exitprune.shapes_only import shapes_only
from exitprune.storage import Layout, read_layout, read_tensors, write_tensors

MASK = "mask:"
TYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
    torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
"""As safetensors names them: weights are float32, buffers of a module of one's own may be anything."""


@dataclass(frozen=True)
class Checkpoint:
    """A level: network, masks, and the JSON header."""

    network: EarlyExitNetwork
    masks: Masks
    header: dict[str, Any]


def save_checkpoint(
    path: Path, network: EarlyExitNetwork, masks: Mapping[str, Tensor], header: Mapping[str, Any]
) -> None:
    """Write a level; `header` is anything JSON can hold that tells where it comes from.

    Raises:
        BadInput: if a weight or a batch-norm statistic is not finite; nothing is written then.
    """
    tensors = dict(network.state_dict())
    if fault := fault_of_state(tensors):
        raise BadInput(f"{path}: not written: {fault}; lower the learning rate of the training that leads to it")
    for name, mask in masks.items():
        tensors[f"{MASK}{name}"] = torch.from_numpy(np.packbits(mask.cpu().numpy()))
    write_tensors(path, tensors, {**header, "network": network.spec.as_dict()})


def load_checkpoint(path: Path, device: torch.device | str = "cpu", base: Architecture | None = None) -> Checkpoint:
    """Read a level; header and sizes are held against each other before anything is allocated.

    Args:
        path: of the file.
        device: where the network goes.
        base: the base network, for one whose spec is not enough to build it; it gets the weights of the file.

    Raises:
        BadInput: if the file is missing, cut short, damaged, not one of ours, not a network, or not finite.
    """
    layout, header = read_layout(path)
    if "network" not in header:
        raise BadInput(f"{path}: holds no network; give a level or recovered checkpoint")
    spec = checked(CheckpointHeader, header, path).network.spec
    network = _sketch(path, layout, spec, base)
    if base is None and isinstance(spec.own, NamedSettings):  # it may hold more than the file does
        with torch.random.fork_rng(devices=[]):
            network = EarlyExitNetwork(spec)
    tensors, _ = read_tensors(path)
    state = OrderedDict((name, tensor.clone()) for name, tensor in tensors.items() if not name.startswith(MASK))
    if fault := fault_of_state(state):
        raise BadInput(f"{path}: {fault}; {INSTEAD}")
    state._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]  # MNASNet asks for its version
    network.load_state_dict(state, assign=True)
    masks = {}
    for name, weight in weights(network).items():
        bits = np.unpackbits(tensors[f"{MASK}{name}"].numpy(), count=weight.numel()).astype(bool)
        masks[name] = torch.from_numpy(bits).reshape(weight.shape)
        if (weight.detach().ne(0) & ~masks[name]).any():
            raise BadInput(f"{path}: {name} has weights that its mask says are gone; {INSTEAD}")
    network.place_(device)
    return Checkpoint(network, {name: mask.to(device) for name, mask in masks.items()}, header)


def fault_of_state(state: Mapping[str, Tensor]) -> str | None:
    """What is not finite, or a variance below zero, in weights, statistics or momentum, in words; None: nothing."""
    held = {name: tensor for name, tensor in state.items() if tensor.is_floating_point() and tensor.numel()}
    extremes = torch.stack([torch.stack(tensor.aminmax()).float() for tensor in held.values()]).tolist() if held else []
    for name, (low, high) in zip(held, extremes, strict=True):
        if not math.isfinite(low) or not math.isfinite(high):  # one of the two is nan where any value is
            return f"{name} holds {low if not math.isfinite(low) else high}"
        if name.endswith("running_var") and low < 0:
            return f"{name} holds a variance of {low:g}"
    return None


def _sketch(path: Path, layout: Mapping[str, Layout], spec: Spec, base: Architecture | None) -> EarlyExitNetwork:
    """The network without memory for its weights, once the file's tensors are known to be exactly its own.

    Raises:
        BadInput: if a tensor is missing, too many, or of another type or shape.
    """
    if spec.own.num_blocks + len(spec.exits) > len(layout):
        raise BadInput(f"{path}: has {len(layout)} tensors, too few for the network its header describes; {INSTEAD}")
    if base is not None:
        try:
            network = EarlyExitNetwork(spec, base)
        except (AttributeError, RuntimeError) as error:  # a point that it lacks, images that it cannot take
            raise BadInput(
                f"{path}: is of another network than the one given ({error}); give the module it is of"
            ) from None
    else:
        with shapes_only():
            network = EarlyExitNetwork(spec)
    held = network.state_dict()
    wanted = {name: Layout(TYPES.get(value.dtype, ""), tuple(value.shape)) for name, value in held.items()}
    for name, weight in weights(network).items():
        wanted[f"{MASK}{name}"] = Layout("U8", (-(-weight.numel() // 8),))
    for name in sorted(wanted.keys() | layout.keys()):
        if wanted.get(name) != layout.get(name):
            raise BadInput(
                f"{path}: {name} is {layout.get(name) or 'not there'}, the network its header describes has "
                f"{wanted.get(name) or 'none'}; {INSTEAD}"
            )
    return network
