"""Weights that somebody trained elsewhere: a state dict in a file, safetensors or torch's own, and held against the network.

Names are those of the network itself. No code in the file is run.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from exitprune.errors import BadInput
from exitprune.networks.early_exit import EarlyExitNetwork

SHOWN = 4


def load_weights_(network: EarlyExitNetwork, path: Path) -> None:
    """Start from the weights of a file; where it has no classifier, or one of other classes, that stays as it was drawn.

    Raises:
        BadInput: if the file cannot be read or does not fit; which weights do not is said.
    """
    given, held = read_weights(path), network.base.whole.state_dict()
    (classifier,) = list(network.base_classifier)[-1:]
    own = {f"{classifier}.weight", f"{classifier}.bias"}
    both = own & held.keys() & given.keys()
    is_another = not both or any(given[name].shape != held[name].shape for name in both)
    wanted = {name: value for name, value in held.items() if name not in own or not is_another}
    kept = {name: given[name] for name in wanted if name in given}
    missing = sorted(wanted.keys() - given.keys())
    surplus = sorted(given.keys() - held.keys())
    other = [
        f"{name} is {tuple(value.shape)}, not {tuple(wanted[name].shape)}"
        for name, value in kept.items()
        if value.shape != wanted[name].shape
    ]
    told = [f"it lacks {_some(missing)}"] * bool(missing)
    told += [f"it has {_some(surplus)} too many"] * bool(surplus)
    told += [_some(other)] * bool(other)
    if told:
        raise BadInput(
            f"{path}: the weights do not fit {network.spec.own.title}: {'; '.join(told)}; give those of this network"
        )
    network.base.whole.load_state_dict(kept, strict=False)


def read_weights(path: Path) -> dict[str, Tensor]:
    """A state dict.

    Raises:
        BadInput: if the file is missing, damaged, or holds something else.
    """
    try:
        with path.open("rb") as file:
            is_torchs = file.read(2) in (b"PK", b"\x80\x02")
        found = torch.load(path, "cpu", weights_only=True) if is_torchs else load_file(path)
    except (OSError, SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise BadInput(f"{path}: holds no weights that can be read ({error}); save a state dict") from None
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise BadInput(f"{path}: holds a {type(found).__name__}, not weights by name; save a state dict")
    return {str(name).removeprefix("module."): value for name, value in found.items()}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
