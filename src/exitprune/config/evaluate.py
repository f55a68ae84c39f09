"""Parameters of evaluation."""

from __future__ import annotations

from pydantic import Field

from exitprune.config.section import Section


class Evaluate(Section):
    """How results are summed up."""

    confidence_level: float = Field(gt=0, lt=1)
    """Of intervals and bands over seeds."""
    margin: float = Field(gt=0, lt=1)
    """Difference in accuracy (a fraction) up to which two orders count as alike."""
    resamples: int = Field(ge=100)
    """Bootstrap resamples of the seeds."""
