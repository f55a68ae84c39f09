"""The base of every block of parameters."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A block of parameters: unknown keys are refused and values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def one_of(name: str, allowed: list[str]) -> str:
    """The name, if it is allowed.

    Raises:
        ValueError: naming what is allowed.
    """
    if name not in allowed:
        raise ValueError(f"there is no {name!r}; allowed: {', '.join(allowed)}")
    return name
