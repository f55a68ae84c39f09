"""Which parameters name a variant's file: the one table that rules and stages read to know what a job loads by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FAMILIES = {
    "source": "datasets",
    "architecture": "architectures",
    "start": "starts",
    "order": "orders",
    "schedule": "schedules",
    "criterion": "criteria",
    "scope": "scopes",
    "granularity": "granularities",
    "ending": "endings",
}
"""A parameter whose value is the name of a file, and the folder it is in."""


def loaded(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The files that a stage with these settings loads by name, as (family, name), each once."""
    return sorted(set(_loaded(settings)))


def _loaded(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for parameter, value in settings.items():
        name = value.get("name") if isinstance(value, Mapping) else value
        if parameter in FAMILIES and isinstance(name, str):
            yield FAMILIES[parameter], name
        elif isinstance(value, Mapping):
            yield from _loaded(value)
