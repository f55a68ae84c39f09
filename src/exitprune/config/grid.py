"""Parameters of a search: which values of which parameters are tried, with seeds of its own."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from pydantic import Field, field_validator

from exitprune.config.section import Section, Seeds, each_once

VARIED = (
    *(
        "model",
        "base",
        "heads",
        "sparsity",
        "rounds",
        "schedule",
        "criterion",
        "scope",
        "granularity",
        "start",
        "rewind",
    ),
    *("classifier", "finetune", "finetune_exits", "ending"),
)
"""First words of what may be varied: whatever a chain of levels depends on beside its images."""
Scalar = bool | int | float | str


class Grid(Section):
    """Every combination of the values, for every recipe; one that sets a value itself is tried at that one alone."""

    seeds: Seeds
    """Of the search alone: a seed that chose a setting is not reported."""
    vary: dict[str, list[Scalar]] = Field(min_length=1)
    """Values by the parameter, `finetune.lr` say."""

    @field_validator("vary", mode="before")
    @classmethod
    def _no_null(cls, vary: Any) -> Any:
        for name, values in vary.items() if isinstance(vary, Mapping) else ():
            if isinstance(values, list) and None in values:
                raise ValueError(f"{name}: null lets the preset's value through; write none where none is meant")
        return vary

    @field_validator("vary")
    @classmethod
    def _can_vary(cls, vary: dict[str, list[Scalar]]) -> dict[str, list[Scalar]]:
        for name, values in vary.items():
            if name.split(".")[0] not in VARIED:
                raise ValueError(f"{name} cannot be varied; allowed: {', '.join(VARIED)}, with what stands in them")
            if not values:
                raise ValueError(f"{name} has no values to try")
            each_once(list(map(_word, values)))
        return vary

    @property
    def points(self) -> dict[str, dict[str, Scalar]]:
        """Every combination by a name that a folder may have."""
        combinations = [dict(zip(self.vary, values, strict=True)) for values in product(*self.vary.values())]
        return {"_".join(f"{name}-{_word(value)}" for name, value in point.items()): point for point in combinations}


def _word(value: Scalar) -> str:
    return str(value).replace("/", "-")


def at(values: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """A study's values with those of a point set: dotted names lead into sections."""
    changed = dict(values)
    for name, value in point.items():
        first, _, rest = name.partition(".")
        inside = changed.get(first) or {}
        if isinstance(inside, str):
            inside = {"name": inside}  # a variant, by a word
        changed[first] = at(inside if isinstance(inside, Mapping) else {}, {rest: value}) if rest else value
    return changed
