"""A network without some of its early exits: what is left answers as it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import nn

from exitprune.networks.checkpoints import Checkpoint
from exitprune.networks.early_exit import EXIT, EarlyExitNetwork, group_of


def keep_exits(level: Checkpoint, kept: Sequence[int]) -> Checkpoint:
    """The level with these early exits alone, which count from 0 anew; the classifier stays.

    Args:
        level: whose modules are shared.
        kept: rising, each an early exit of the level.

    Raises:
        ValueError: if one is not.
    """
    spec = level.network.spec
    if sorted(set(kept)) != list(kept) or not set(kept) <= set(range(len(spec.exits))):
        raise ValueError(f"exits {list(kept)}: each once, rising, from 0 to {len(spec.exits) - 1}")
    network = EarlyExitNetwork(replace(spec, exits=tuple(spec.exits[number] for number in kept)), level.network.base)
    network.exits = nn.ModuleList(level.network.exits[number] for number in kept)
    if spec.gated:
        network.gates = level.network.gates
    names = {f"{EXIT}{old}": f"{EXIT}{new}" for new, old in enumerate(kept)}
    masks = {
        names.get(name, name): level.masks[name] for name in level.masks if name in names or group_of(name) == "base"
    }
    return Checkpoint(network.train(level.network.training), masks, level.header)
