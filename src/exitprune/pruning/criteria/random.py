"""Random: every weight matters alike. The baseline that any criterion has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion


class Random(Criterion):
    """Uniform in [0, 1), drawn on the CPU so that every device draws the same."""

    def score(self, context: Context) -> dict[str, Tensor]:
        drawn = context.units  # one number for each, or a mean of many would spare what has fewer weights least often
        return {name: torch.rand(u.shape, generator=context.generator).to(u.device) for name, u in drawn.items()}
