"""The base of every block of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from exitprune.config.prune import Prune


class Section(BaseModel):
    """A block of parameters: unknown keys are refused and values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Variant(Section):
    """The settings of a variant that a recipe chooses by the name of its file."""

    def why_not(self, recipe: Prune) -> str | None:
        """Why a recipe cannot have it, as a sentence that says what it can have; None: it can. Asked before any job."""
        return None


def one_of(name: str, allowed: list[str]) -> str:
    """The name, if it is allowed.

    Raises:
        ValueError: naming what is allowed.
    """
    if name not in allowed:
        raise ValueError(f"there is no {name!r}; allowed: {', '.join(allowed)}")
    return name
