"""Random: every weight matters alike. The baseline that any criterion has to beat."""

from __future__ import annotations

import torch
from torch import Tensor

from exitprune.pruning.criteria import Context, Criterion


class Random(Criterion):
    """Uniform in [0, 1), drawn on the CPU so that every device draws the same."""

    def score(self, context: Context) -> dict[str, Tensor]:
        draw = context.generator
        return {name: torch.rand(w.shape, generator=draw).to(w.device) for name, w in context.weights.items()}
