"""What a record is made of: settings, images and the code that can change numbers; and how two such lists differ.

How it is computed (device, threads, precision) is not part of it: a seed computed on another machine counts. What the record
says of its machine stands beside it.
"""

from __future__ import annotations

import ast
import hashlib
import io
import tokenize
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from exitprune.config.families import loaded
from exitprune.config.params import Params
from exitprune.jobs.provenance import digest, sources
from exitprune.variants import PACKAGE

Ingredients = dict[str, Any]
STAGES = ("data", "base", "heads", "prune", "recover", "evaluate")
"""Of the way from images to a record."""
BESIDE = (
    "jobs.alone",
    "jobs.store",
    "errors",
    "variants",
    "documents",
    "storage",
    "config",
    "jobs.disk",
    "jobs.ingredients",
    "jobs.levels",
    "jobs.progress",
    "jobs.provenance",
    "jobs.record_fit",
    "networks.checkpoint_header",
    "networks.checkpoints",
    "evaluation.arrays",
    "evaluation.records",
    "evaluation.sealed_json",
)
"""Modules and rooms that only carry values, check them or write them down: no number comes from them."""
SAME, ANY = "same", "any"
"""Whether records of other code count."""


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
            **({"files": {str(path): digest([path]) for path in files}} if files else {}),
            "evaluate": params.evaluate.model_dump(include={"between"}),
        },
        "contents": contents,
        "code": code_digests(*loaded({**params.model_dump(include={"data", "model"}), **recipes[recipe].model_dump()})),
    }


def code_digests(*variants: tuple[str, str]) -> dict[str, str]:
    """Digest of the meaning of every file that can change numbers, by its path within the package.

    Args:
        variants: (family, name) pairs that are loaded by name.
    """
    files = {path for stage in STAGES for path in sources(stage, *variants)}
    named = {path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", "."): path for path in files}
    return {
        path.relative_to(PACKAGE).as_posix(): _digest(path, path.stat().st_mtime_ns)
        for name, path in sorted(named.items())
        if not any(name == beside or name.startswith(f"{beside}.") for beside in BESIDE)
    }


@cache
def _digest(path: Path, _written: int) -> str:
    return hashlib.sha256(meaning(path.read_text(encoding="utf-8")).encode()).hexdigest()[:16]


def meaning(source: str) -> str:
    """A Python file without what changes no number: comments, docstrings, blank lines and spaces within lines."""
    texts = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    lines = source.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    for first, last in texts:
        lines[first - 1 : last] = [""] * (last - first + 1)
    return "\n".join(_squeezed(line) for line in lines if line.strip())


def _squeezed(line: str) -> str:
    indent = len(line) - len(line.lstrip())
    return " " * indent + "".join(line.split())


def difference(theirs: Mapping[str, Any], ours: Mapping[str, Any], other_code: str = SAME) -> str | None:
    """The first thing in which a record is not what is asked for, as half a sentence; None: it is the same.

    Args:
        theirs: of the record.
        ours: as asked for.
        other_code: `any`: code may differ, and so may settings that only one of the two codes knows.
    """
    there, here = (dict(flat(of["settings"])) for of in (theirs, ours))
    if key := other_setting(theirs["settings"], ours["settings"]):
        return f"{key} is {there[key]} there and {here[key]} here"
    if other_code == SAME and (alone := sorted(there.keys() ^ here.keys())):
        return f"{alone[0]} is known to one of the two codes alone (other code)"
    if theirs["contents"] != ours["contents"]:
        return "the images in data.path are others"
    changed = [
        file for file in {**ours["code"], **theirs["code"]} if theirs["code"].get(file) != ours["code"].get(file)
    ]
    if other_code == SAME and changed:
        return f"{sorted(changed)[0]} was other code{f' (and {len(changed) - 1} more files)' if changed[1:] else ''}"
    return None


def other_setting(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str | None:
    """The first setting, its name dotted, that has two values among those that both codes know; None: there is none."""
    there, here = dict(flat(theirs)), dict(flat(ours))
    return next((key for key in here if key in there and there[key] != here[key]), None)


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Nested parameters by their full names: `model.depth`."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
