"""Parameters of the images: which, how divided, how changed in training."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from exitprune.config.section import Section, one_of
from exitprune.variants import names_of

LARGEST = 4096  # pixels of a side; far beyond what these networks are made for, and short of a slip of the finger


class Augment(Section):
    """Random changes of training images, drawn anew in every epoch."""

    pad: int = Field(ge=0, le=LARGEST)
    """Pixels of zeros on each side before a crop of the original size at a random place; 0: no crop."""
    flip: bool
    """Mirror each image, left to right, with probability 1/2."""


class DataSource(Section):
    """Which images, how large, and how they are divided. Where they lie is not part of it: equal content is equal."""

    source: str
    """A file of `datasets/`, by its name."""
    size: list[int] | None = None
    """Height and width to which every image is scaled and cropped; one number: both; `none` or null: as they are."""
    validation: float = Field(gt=0, lt=1)
    """Share of the training images held back to choose thresholds and everything else."""
    test: float = Field(gt=0, lt=1)
    """Share of all images kept for test, for sources that come without a division of their own (digits)."""
    division: Literal["images", "makers"] = "images"
    """Whether images are divided one by one, or so that nobody's images (a writer's, say) are on two sides."""
    limit: int | None = Field(ge=1)
    """Use only so many training images (and as many test images at most); `all` or null: all."""
    seed: int = Field(ge=0, lt=2**32)
    """Decides the division; the same for all runs of a study, so that they are comparable."""
    mean: list[float] | None = None
    """Of each channel, in units of the full range, to normalise with; `none` or null: that of the training images."""
    std: list[float] | None = None
    """Deviation of each channel; goes with `mean`."""

    @field_validator("mean", "std", mode="before")
    @classmethod
    def _none_is_their_own(cls, value: Any) -> Any:
        return None if value == "none" else value  # null in params.yaml would let the preset's through

    @model_validator(mode="after")
    def _can_normalise(self) -> Self:
        mean, std = self.mean, self.std
        if mean is None and std is None:
            return self
        if mean is None or std is None or len(mean) != len(std) or len(mean) not in (1, 3):
            raise ValueError("mean and std go together, with one number for each of 1 or 3 channels")
        if not all(0 <= one <= 1 for one in mean) or not all(0 < one <= 1 for one in std):
            raise ValueError(
                "mean and std are shares of the full range: a mean from 0 to 1, a std above 0 and at most 1"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_set(self, told: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Nothing is said of a mean that is not set, so that what was computed before there was one is known again."""
        return {name: value for name, value in told(self).items() if name not in ("mean", "std") or value is not None}

    @field_validator("limit", mode="before")
    @classmethod
    def _all_is_a_word(cls, value: Any) -> Any:
        return None if value == "all" else value  # null in params.yaml would let the preset's limit through

    @field_validator("division", mode="before")
    @classmethod
    def _not_set_is_the_usual(cls, value: Any) -> Any:
        return "images" if value is None else value

    @field_validator("size", mode="before")
    @classmethod
    def _one_side_is_both(cls, value: Any) -> Any:
        if value is None or value == "none":  # null in params.yaml would let the preset's size through
            return None
        sides = [value, value] if isinstance(value, int) else value
        whole = isinstance(sides, list) and all(isinstance(side, int) and not isinstance(side, bool) for side in sides)
        if not whole or len(sides) != 2 or not all(1 <= side <= LARGEST for side in sides):
            raise ValueError(f"a size is one number of pixels, or [height, width], from 1 to {LARGEST}")
        return sides

    @field_validator("source")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of(name, names_of("datasets"))
