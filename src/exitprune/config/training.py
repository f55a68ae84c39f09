"""Parameters of training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from exitprune.config.section import Section


class Training(Section):
    """One run of the training loop: SGD with momentum."""

    epochs: int | float = Field(ge=0, le=100_000)
    """Of the training images; of the last one, where it is not whole, that share is seen."""
    lr: float = Field(gt=0)
    """Peak learning rate."""
    lr_scheduler: Literal["one_cycle", "cosine", "constant"]
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    batch_size: int = Field(ge=2, le=10**8)
    """Images per optimiser step; of one alone, batch norm knows no deviation."""

    @field_validator("weight_decay")
    @classmethod
    def _leaves_something(cls, weight_decay: float, info: ValidationInfo) -> float:
        if weight_decay > 1 and weight_decay * info.data.get("lr", 0) > 1:
            raise ValueError(
                f"times lr {info.data['lr']:g} it takes more than all of a weight in a step; make it smaller"
            )
        return weight_decay


class ExitRounds(Training):
    """Training in rounds that train the exits alone, under a base network that does not move."""

    augment: bool = True
    """Whether images are changed at random there too. If not, what exits see of them is computed once: an epoch is cheap."""


class Heads(Training):
    """Training of the exit heads, which ends in level 0."""

    train: Literal["frozen", "joint"]
    """frozen: the base network stays as it is, batch-norm statistics included; joint: both are trained together."""
