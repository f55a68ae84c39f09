"""Whether checkpoints were made with the settings that their record would tell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from exitprune.config.choice import Choice, whole
from exitprune.config.families import FAMILIES


def other_than(settings: Mapping[str, Any], header: Mapping[str, Any]) -> str | None:
    """The first setting that is another in a checkpoint, as half a sentence; None: there is none.

    Args:
        settings: of the record, as `origin.ingredients` lists them.
        header: of the recovered network, which tells the settings of all stages that led to it.
    """
    there = header["settings"]
    here = {name: _spelt_out(name, value) for name, value in settings.items()}
    heads = {"heads": there["heads"]} if here.get("heads", {}).get("when") == "before" else {}
    augment = {"augment": here["data"]["augment"]} if "data" in here else {}
    made = {**there["prune"], **{name: there[name] for name in ("model", "base", "recovery", "augment")}, **heads}
    return next(_differences(made, json.loads(json.dumps({**here, **augment}))), None)


def _spelt_out(name: str, value: Any) -> Any:
    """A variant with its defaults, as levels tell it."""
    if name not in FAMILIES:
        return value
    return whole(FAMILIES[name], Choice.model_validate({"name": value} if isinstance(value, str) else value))


def _differences(there: Mapping[str, Any], here: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Of values that both have."""
    for name in (name for name in here if name in there):
        if isinstance(here[name], Mapping) and isinstance(there[name], Mapping):
            yield from _differences(there[name], here[name], f"{above}{name}.")
        elif here[name] != there[name]:
            yield f"{above}{name} is {there[name]} there and {here[name]} here"
