"""Parameters of evaluation."""

from __future__ import annotations

from pydantic import Field, field_validator

from exitprune.config.section import Section


class Evaluate(Section):
    """How results are summed up."""

    confidence_level: float = Field(gt=0, lt=1)
    """Of intervals and bands over seeds."""
    margin: float = Field(gt=0, lt=1)
    """Difference in accuracy (a fraction) up to which two orders count as alike."""
    between: int | float = Field(gt=0)
    """Validation images that levels between the first and the last are evaluated on: how many, or which share (1.0: all)."""

    @field_validator("between")
    @classmethod
    def _number_or_share(cls, between: int | float) -> int | float:
        if isinstance(between, float) and between > 1:
            raise ValueError("a whole number of images, or a share above 0 and up to 1.0")
        if between == 1 and isinstance(between, int):
            raise ValueError("one image, or all of them? write 1.0 for all, 2 or more for so many")
        return between
