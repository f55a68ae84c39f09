"""Whether a record that lies in a study's results is one of what the study asks for, and what may happen to it if not.

A record that fits counts, whoever computed it, and its seed is not computed again. One that does not fit is never mixed with
others. It is computed anew where nothing gets lost by that: Snakemake made it here, of the settings before, and a copy is kept
aside; or git holds it as it is. Any other is somebody's: the study stops and says so.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

from exitprune.errors import BadInput
from exitprune.origin.digests import digest
from exitprune.origin.environment import git
from exitprune.origin.ingredients import SAME, Ingredients, difference

FILE = "record.json"
METADATA = Path(".snakemake/metadata")
ELSEWHERE = "it was computed elsewhere"


def misfit(
    folder: Path, wanted: Ingredients, other_code: str = SAME, records: str = "anywhere", metadata: Path = METADATA
) -> str | None:
    """In what a record is not the one wanted, as half a sentence; None: it is.

    Args:
        folder: of the record.
        wanted: what it is to be made of.
        other_code: see `ingredients.difference`.
        records: `here`: one that Snakemake did not make here is not wanted.
        metadata: where Snakemake notes what it made.

    Raises:
        BadInput: if the file says nothing of what it is made of.
    """
    why = difference(_made_of(folder), wanted, other_code)
    return ELSEWHERE if why is None and records == "here" and not _is_made_here(folder, metadata) else why


def is_replaceable(folder: Path, metadata: Path = METADATA) -> bool:
    """Whether nothing is lost if a record is computed anew."""
    return _is_made_here(folder, metadata) or _is_in_git(folder)


def refusal(folder: Path, why: str) -> str:
    """What to tell of a record that may not be replaced."""
    advice = "go back to its settings, give this study a name of its own (a preset `like` this one)"
    if "other code" in why:
        advice = "use it all the same with --config other_code=any (other_code: any in params.yaml)"
    if why == ELSEWHERE:
        advice = "let it count with records: anywhere"
    return (
        f"{folder} is not a record of what this study asks for: {why}."
        f" Nothing was done; {advice}, or move {folder} elsewhere."
    )


def replacement(folder: Path, why: str, aside: Path) -> str:
    """What to tell of a record that is computed anew."""
    hint = "; other_code=any would use it" if "other code" in why else ""
    return f"{folder} is not of what is asked for and is computed anew: {why}{hint}. The old one is kept in {aside}."


def aside_of(folder: Path, store: Path) -> Path:
    """Where a copy of a record is kept when it is computed anew: a place for each; one of the same ingredients is another's."""
    return store / "records" / digest([folder / FILE])[:12] / folder.name


def keep_aside(folder: Path, store: Path) -> None:
    """Copy a record there, whole or not at all, if it is not there yet."""
    to = aside_of(folder, store)
    if to.exists():
        return
    begun = to.with_name(f"{to.name}.{os.getpid()}.tmp")
    try:
        shutil.copytree(folder, begun, dirs_exist_ok=True)
        begun.replace(to)
    except OSError as error:  # of copytree one for all files, which has no words of its own
        raise BadInput(
            f"{to}: the record that is about to be computed anew cannot be kept there ({error.strerror or error});"
            " make room, and run again"
        ) from None


def _made_of(folder: Path) -> dict[str, Any]:
    file = folder / FILE
    try:
        made_of: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["made_of"]
        _, settings, code = made_of["contents"], made_of["settings"], made_of["code"]
        if not isinstance(settings, dict) or not isinstance(code, dict):
            raise TypeError
    except (OSError, ValueError, LookupError, TypeError):
        raise BadInput(f"{file}: not a record, it does not say what it is made of; move {folder} elsewhere") from None
    return made_of


def record_path(records: Path, output: str) -> Path:
    """Where Snakemake looks for its record of an output: the output's name in base 64, cut where file names end.

    Args:
        records: the folder of all its records; where it is not there yet, the longest name is that of the current folder.
        output: path, as Snakemake names it.
    """
    there = records if records.exists() else Path()
    name, longest = urlsafe_b64encode(output.encode()).decode(), os.pathconf(there, "PC_NAME_MAX") - 1
    *folders, last = (name[start : start + longest] for start in range(0, len(name), longest))
    return records.joinpath(*(f"@{folder}" for folder in folders), last)


def _is_made_here(folder: Path, metadata: Path) -> bool:
    """Whether Snakemake noted that it made this very record: of these ingredients, at this place."""
    note = record_path(metadata, str(folder / FILE))
    if not note.is_file():
        return False
    made_of = _made_of(folder)
    try:
        parameters = list(json.loads(note.read_text(encoding="utf-8"))["params"])
    except (ValueError, LookupError, TypeError):  # damaged: it says nothing
        return False
    for parameter in parameters:
        try:
            given = json.loads(ast.literal_eval(parameter))
        except (ValueError, SyntaxError, TypeError):
            continue
        if isinstance(given, dict) and given.get("made_of") == made_of:
            return True
    return False


def _is_in_git(folder: Path) -> bool:
    """Whether the last commit holds all of its files as they are."""
    held = git("ls-tree", "-r", "--name-only", "HEAD", "--", f"./{folder}", folder=Path())
    changed = git("status", "--porcelain", "--ignored", "--", f"./{folder}", folder=Path())
    return bool(held) and changed == ""
