"""Modules whose weights and parts are what they look like; in others nothing could be pruned, or no image could leave."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from exitprune.errors import BadInput
from exitprune.networks.architectures import PRUNABLE

AROUND = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
"""What others put around a module, and where the module is inside; to import them all takes seconds."""


def check_plain(module: nn.Module) -> None:
    """Refuse a module that cannot be given exits as it is, with what to give in its place.

    Raises:
        BadInput: if it is compiled, scripted, quantised or spread over devices, or its weights are computed, shared, not made
            yet, or not float32.
    """
    reason = next(_reasons(module), None)
    if reason is not None:
        raise BadInput(f"{type(module).__name__} {reason}")


def _reasons(module: nn.Module) -> Iterator[str]:
    parts = dict(module.named_modules())
    for name, part in parts.items():
        here, kind = name or "it", type(part).__name__
        if kind in AROUND:
            yield f"hides a network ({here} is {kind}); give what is inside, `.{AROUND[kind]}`, and exits by its names"
        if isinstance(part, torch.jit.ScriptModule):
            yield "is scripted or traced, and nothing in it can be looked into; give the module that it was made from"
        if ".quantized" in type(part).__module__:
            yield f"is quantised ({here}) and cannot be trained; give it as it was before, and quantise what is exported"
    parameters = {
        f"{name}.{own}".removeprefix("."): value
        for name, part in parts.items()
        for own, value in part._parameters.items()
        if value is not None
    }
    for name, parameter in parameters.items():
        if is_lazy(parameter):
            yield f"has weights without a size, {name}; let it answer for some images first"
        if parameter.is_inference():
            yield "was made in inference mode and cannot be trained; make it outside"
        if parameter.is_floating_point() and parameter.dtype != torch.float32:
            yield f"has {name} in {str(parameter.dtype).removeprefix('torch.')}; give it in float32: `module.float()`"
    layers = {name: part for name, part in parts.items() if isinstance(part, PRUNABLE)}
    for name, layer in layers.items():
        is_attention = isinstance(layer, nn.MultiheadAttention)
        if not is_attention and "weight" not in layer._parameters:
            yield f"computes {name}.weight from something else at each call; make it plain, as remove_parametrizations does"
    if not layers:
        yield "has no convolution and no linear layer; give a trained classifier"
    first: dict[int, str] = {}
    for name, parameter in parameters.items():
        if (other := first.setdefault(id(parameter), name)) != name:
            yield f"has one parameter under two names, {other} and {name}; give each its own"
