"""Magnitude: a weight matters as much as it is large. Source: Han et al. 2015, arXiv:1506.02626."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights


def score(
    network: EarlyExitNetwork,
    names: Iterable[str],
    batches: Iterable[tuple[Tensor, Tensor]],
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """|w|."""
    by_name = weights(network)
    return {name: by_name[name].detach().float().abs() for name in names}
