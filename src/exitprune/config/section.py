"""The base of every block of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

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


def each_once(values: list[Any]) -> list[Any]:
    """A list in which nothing stands twice.

    Raises:
        ValueError: if something does.
    """
    if len(set(values)) != len(values):
        raise ValueError("each may be named once")
    return values


def _fit_into_records(seeds: list[int]) -> list[int]:
    if not 0 <= min(seeds) <= max(seeds) <= LARGEST_SEED:
        raise ValueError("a seed is 0 or more, and at most 10^18")
    return seeds


LARGEST_SEED = 10**18
Seeds = Annotated[list[int], Field(min_length=1), AfterValidator(each_once), AfterValidator(_fit_into_records)]
