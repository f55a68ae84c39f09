"""What a record is made of: settings, images and the code that can change numbers; and how two such lists differ.

How it is computed (device, threads, precision) is not part of it: a seed computed on another machine counts. What the record
says of its machine stands beside it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from exitprune.config.families import FAMILIES, loaded
from exitprune.config.params import Params
from exitprune.origin.code import as_counted, code_digests
from exitprune.origin.digests import digest

Ingredients = dict[str, Any]
LATER_SETTINGS = Path(__file__).with_name("later_settings.csv")
"""Settings that came after records had been published, each with the value at which all is as it was before."""
STAGES = ("data", "base", "heads", "prune", "recover", "evaluate")
"""Of the way from images to a record."""
SAME, ANY = "same", "any"
"""Whether records of other code count."""
NOT_SET = "not set"


def ingredients(params: Params, recipe: str, contents: str | None) -> Ingredients:
    """What the record of a recipe depends on, whatever the seed; anything JSON can hold.

    Args:
        params: of the study.
        recipe: one of the study's.
        contents: digest of the images of a folder; null where the source is fixed.
    """
    recipes, files = params.recipes, params.model.own.files
    data = params.data.model_dump(exclude={"path"})
    return {
        "settings": {
            "data": data,
            **params.model_dump(include={"model", "base", "heads"}),
            **recipes[recipe].model_dump(),
            **({"files": digest(files)} if files else {}),
            "evaluate": params.evaluate.model_dump(include={"between"}),
        },
        "contents": contents,
        "code": code_digests(
            STAGES, *loaded({**params.model_dump(include={"data", "model"}), **recipes[recipe].model_dump()})
        ),
    }


def difference(theirs: Mapping[str, Any], ours: Mapping[str, Any], other_code: str = SAME) -> str | None:
    """The first thing in which a record is not what is asked for, as half a sentence; None: it is the same.

    Args:
        theirs: of the record.
        ours: as asked for.
        other_code: `any`: code may differ, and so may settings that only one of the two codes knows.
    """
    there, here = ({**_before(), **by_name(of["settings"])} for of in (theirs, ours))
    if key := other_setting(theirs["settings"], ours["settings"]):
        return f"{key} is {there.get(key, NOT_SET)} there and {here.get(key, NOT_SET)} here"
    alone = sorted(there.keys() ^ here.keys())
    if other_code == SAME and alone:
        return f"{alone[0]} is known to one of the two codes alone (other code)"
    if theirs["contents"] != ours["contents"]:
        return "the images in data.path are others"
    code = as_counted(theirs["code"], *loaded(theirs["settings"]))
    changed = [file for file in {**ours["code"], **code} if code.get(file) != ours["code"].get(file)]
    if other_code == SAME and changed:
        return f"{sorted(changed)[0]} was other code{f' (and {len(changed) - 1} more files)' if changed[1:] else ''}"
    return None


def other_setting(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str | None:
    """The first setting, its name dotted, that is not the same in both; None: there is none.

    One that only one of them has is another where it may be left out, else it is of a code that the other does not know.
    """
    there, here = ({**_before(), **by_name(settings)} for settings in (theirs, ours))
    differ = (key for key in here if key in there and there[key] != here[key])
    return next(differ, None) or next((key for key in {**here, **there} if _is_left_out(key, there, here)), None)


def _is_left_out(key: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> bool:
    may_be = key.rpartition(".")[0] in (*FAMILIES, "model") or key in ("data.mean", "data.std")
    return may_be and (key in there) != (key in here)


@cache
def _before() -> dict[str, Any]:
    with LATER_SETTINGS.open(encoding="utf-8", newline="") as file:
        return {row["setting"]: yaml.safe_load(row["as_before"]) for row in csv.DictReader(file)}


def by_name(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by their full names; a variant by its parameter, whether or not something of it is set."""
    variants = [f"{parameter}.name" for parameter in FAMILIES]
    return {key.removesuffix(".name") if key in variants else key: value for key, value in flat(settings)}


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters by their full names: `model.depth`."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
