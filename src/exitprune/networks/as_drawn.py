"""Networks as they are drawn, before any training: the same for a seed, whoever asks."""

from __future__ import annotations

from dataclasses import replace

from exitprune.jobs.seeding import seeded
from exitprune.networks.early_exit import EarlyExitNetwork, Spec


def base_as_drawn(spec: Spec, seed: int) -> EarlyExitNetwork:
    """The base network, without exits."""
    with seeded(seed, "base"):
        return EarlyExitNetwork(replace(spec, exits=(), pool=None, classifier="base"))


def with_heads_as_drawn(base: EarlyExitNetwork, spec: Spec, seed: int) -> EarlyExitNetwork:
    """The weights of a base network, and exit heads as they are drawn."""
    with seeded(seed, "heads"):
        network = EarlyExitNetwork(spec)
    network.base.load_state_dict(base.base.state_dict())
    return network


def as_drawn(spec: Spec, seed: int) -> EarlyExitNetwork:
    """The whole network."""
    return with_heads_as_drawn(base_as_drawn(spec, seed), spec, seed)
