"""Networks as they are drawn, before any training: the same for a seed, whoever asks."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

from exitprune.jobs.seeding import seeded
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.foreign_weights import load_weights_


def base_as_drawn(spec: Spec, seed: int) -> EarlyExitNetwork:
    """The base network, without exits; with weights of a file, if the architecture's settings name one.

    Raises:
        BadInput: if the weights do not fit.
    """
    with seeded(seed, "base"):
        network = EarlyExitNetwork(replace(spec, exits=(), pool=None, classifier="base"))
    if spec.own.weights is not None:
        load_weights_(network, Path(spec.own.weights))
    return network


def with_heads_as_drawn(base: EarlyExitNetwork, spec: Spec, seed: int) -> EarlyExitNetwork:
    """The weights of a base network, and exit heads as they are drawn."""
    with seeded(seed, "heads"):
        if not spec.own.can_be_built:
            return EarlyExitNetwork(spec, copy.deepcopy(base.base))
        network = EarlyExitNetwork(spec)
    network.base.load_state_dict(base.base.state_dict())
    return network


def as_drawn(spec: Spec, seed: int) -> EarlyExitNetwork:
    """The whole network."""
    return with_heads_as_drawn(base_as_drawn(spec, seed), spec, seed)
