"""Parameters of the images: which, how divided, how changed in training."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from exitprune.config.section import Section, one_of
from exitprune.variants import names_of


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
