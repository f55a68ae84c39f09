"""Sections of parameters, each with what is allowed: what stages are given, so an edit here recomputes what they made.

`params` puts the sections together to a whole study. Nothing here reads data or touches a network.
"""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from exitprune.variants import names_of

Depth = Literal[8, 20, 32, 44, 56, 110]
DEPTHS: tuple[int, ...] = get_args(Depth)
FAMILIES = {"schedule": "schedules", "criterion": "criteria", "scope": "scopes", "granularity": "granularities"}
"""Parameters whose value is the name of a file, and the folder it is in."""


class Section(BaseModel):
    """A block of parameters: unknown keys are refused and values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Augment(Section):
    """Random changes of training images, drawn anew in every epoch."""

    pad: int = Field(ge=0)
    """Pixels of zeros on each side before a crop of the original size at a random place; 0: no crop."""
    flip: bool
    """Mirror each image, left to right, with probability 1/2."""


class DataSource(Section):
    """Which images, and how they are divided."""

    source: str
    """A file of `datasets/`, by its name."""
    path: str | None
    """The data set's folder; null: where downloads are kept (`$EXITPRUNE_DATA`, else the user's cache)."""
    validation: float = Field(gt=0, lt=1)
    """Share of the training images held back to choose thresholds and everything else."""
    test: float = Field(gt=0, lt=1)
    """Share of all images kept for test, for sources that come without a division of their own (digits)."""
    limit: int | None = Field(ge=1)
    """Use only so many training images (and as many test images at most); `all` or null: all."""
    seed: int = Field(ge=0, lt=2**32)
    """Decides the division; the same for all runs of a study, so that they are comparable."""

    @field_validator("limit", mode="before")
    @classmethod
    def _all_is_a_word(cls, value: Any) -> Any:
        return None if value == "all" else value  # null in params.yaml would let the preset's limit through

    @field_validator("source")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of(name, names_of("datasets"))


class Model(Section):
    """The base network and where its exits branch off."""

    depth: Depth
    """6n + 2 layers in 3n residual blocks (He et al. 2016)."""
    exits: list[int] = Field(min_length=1)
    """Residual blocks, counted from 1, after which an exit branches off; the classifier is always the last exit."""
    pool: int | None = Field(ge=1)
    """Side of the grid an exit averages its feature map to, never beyond the map's own; `none` or null: not pooled."""

    @field_validator("pool", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:
        return None if value == "none" else value  # null in params.yaml would let the preset's pool through

    @model_validator(mode="after")
    def _blocks_exist(self) -> Self:
        last = (self.depth - 2) // 2
        wrong = [block for block in self.exits if not 1 <= block < last]
        if wrong or sorted(set(self.exits)) != self.exits:
            raise ValueError(
                f"an early exit follows a block from 1 to {last - 1}, each once and in order "
                f"(ResNet-{self.depth} has {last} blocks, the classifier follows the last)"
            )
        return self


class Training(Section):
    """One run of the training loop: SGD with momentum."""

    epochs: int | float = Field(ge=0)
    """Of the training images; of the last one, where it is not whole, that share is seen."""
    lr: float = Field(gt=0)
    """Peak learning rate."""
    lr_scheduler: Literal["one_cycle", "cosine", "constant"]
    momentum: float = Field(ge=0, lt=1)
    weight_decay: float = Field(ge=0)
    batch_size: int = Field(ge=1)
    """Images per optimiser step."""


class Heads(Training):
    """Training of the exit heads, which ends in level 0."""

    train: Literal["frozen", "joint"]
    """frozen: the base network stays as it is, batch-norm statistics included; joint: both are trained together."""


class Prune(Section):
    """What one round takes away, and how many rounds there are."""

    sparsity: float = Field(ge=0, lt=1)
    """Share of the group's units (see `granularity`) that are gone after the last round."""
    rounds: int = Field(ge=1, le=999)
    schedule: str
    criterion: str
    scope: str
    granularity: str
    """What goes as one: a weight, or a filter inside a residual block."""

    @field_validator("schedule", "criterion", "scope", "granularity")
    @classmethod
    def _known(cls, name: str, info: Any) -> str:
        return one_of(name, names_of(FAMILIES[info.field_name]))

    def variants(self, order: str) -> list[tuple[str, str]]:
        """The files that a chain of an order loads by name, as (family, name)."""
        return [
            ("orders", order),
            *((family, getattr(self, parameter)) for parameter, family in FAMILIES.items()),
        ]


class Compute(Section):
    """The machine; `threads` is part of a result, since sums depend on how they are split."""

    device: Literal["cpu", "cuda", "auto"]
    threads: int = Field(ge=1)
    """CPU threads of one job; jobs run side by side as cores allow."""
    precision: Literal["float32", "bfloat16"]
    """Of training; scores, masks and inference are float32 always."""
    compile: bool
    """Whether networks are compiled for training: fewer passes over memory, a minute or so of compiling at first."""


class Evaluate(Section):
    """How results are summed up."""

    confidence_level: float = Field(gt=0, lt=1)
    """Of intervals and bands over seeds."""
    margin: float = Field(gt=0, lt=1)
    """Difference in accuracy (a fraction) up to which two orders count as alike."""
    resamples: int = Field(ge=100)
    """Bootstrap resamples of the seeds."""


def one_of(name: str, allowed: list[str]) -> str:
    """The name, if it is allowed.

    Raises:
        ValueError: naming what is allowed.
    """
    if name not in allowed:
        raise ValueError(f"there is no {name!r}; allowed: {', '.join(allowed)}")
    return name
