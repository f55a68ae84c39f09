"""Parameters of pruning."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from exitprune.config.section import Section, one_of
from exitprune.config.training import Training
from exitprune.variants import names_of

FAMILIES = {
    "order": "orders",
    "schedule": "schedules",
    "criterion": "criteria",
    "scope": "scopes",
    "granularity": "granularities",
}
"""Parameters whose value is the name of a file, and the folder it is in."""


class Prune(Section):
    """What the rounds take away, and how the network is trained after each."""

    order: str
    """In which order the groups are pruned."""
    sparsity: float = Field(ge=0, lt=1)
    """Share of the group's units (see `granularity`) that are gone after the last round."""
    rounds: int = Field(ge=1, le=999)
    schedule: str
    criterion: str
    scope: str
    granularity: str
    """What goes as one: a weight, or a filter inside a residual block."""
    finetune: Training
    """In each round."""

    @field_validator(*FAMILIES)
    @classmethod
    def _known(cls, name: str, info: Any) -> str:
        return one_of(name, names_of(FAMILIES[info.field_name]))

    def variants(self) -> list[tuple[str, str]]:
        """The files that a chain loads by name, as (family, name)."""
        return [(family, getattr(self, parameter)) for parameter, family in FAMILIES.items()]
