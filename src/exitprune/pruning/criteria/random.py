"""Random: every weight matters alike. The baseline that any criterion has to beat."""

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
    """Uniform in [0, 1), drawn on the CPU so that every device draws the same."""
    by_name = weights(network)
    return {name: torch.rand(by_name[name].shape, generator=generator).to(by_name[name].device) for name in names}
