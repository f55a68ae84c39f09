"""Dissipating: after each of the first epochs, those weights go that have moved least from where they were drawn.

When: initialization or early. Form: in the spirit of it.
Source: What to Prune and What Not to Prune at Initialization, 2022, arXiv:2209.02201.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from exitprune.config.training import Training
from exitprune.pruning.criteria import Context, Criterion

SMALLEST = 1e-12
"""Weights drawn smaller than that count as that large."""


class Dissipating(Criterion):
    """|w_t - w_0| / |w_0|, w_0 as drawn, w_t after this round's training. Exits are ranked like all else.

    Each round trains first, as fine-tuning does, so that the fine-tuning after it needs no epochs.
    """

    epochs: int | float = Field(1, gt=0)
    """Of training before each round's weights go."""
    trains_first: ClassVar[bool] = True

    def first(self, finetune: Training) -> Training:
        return finetune.model_copy(update={"epochs": self.epochs})

    def score(self, context: Context) -> dict[str, Tensor]:
        return movement(context)


def movement(context: Context) -> dict[str, Tensor]:
    """How far each weight is from where it was drawn, in units of how large it was."""
    drawn = context.initial()
    return {
        name: (weight.detach() - drawn[name]).abs() / drawn[name].detach().abs().clamp_min(SMALLEST)
        for name, weight in context.weights.items()
    }
