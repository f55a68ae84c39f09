"""A table of cases: what people give us that is foreign, broken or extreme, and what must come of it.

Each folder here is a kind. Its `__init__.py` has a function `run(recipe, folder)` that makes what the recipe says and uses
it as a person would; its YAML files are lists of cases, one line each:

    - {case: a depth below zero, start: level, header: {network.depth: -1}, says: depth}

`case` names it, `says` is what the sentence it is refused with must hold (a regular expression); without `says` it must work.
All other keys are the kind's own and stand in its `__init__.py`, as does `SLOW = True` where cases take seconds.
`tests/test_cases.py` walks all of them. To add a case, add a line; to add a kind, add a folder.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from exitprune.errors import LONGEST, BadInput, is_seen

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One line.

    Attributes:
        kind: the folder.
        name: what is wrong, in words.
        recipe: how to make it, for the kind's `run`.
        says: what the sentence must hold; None: it must work.
    """

    kind: str
    name: str
    recipe: dict[str, Any]
    says: str | None

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"

    @property
    def is_slow(self) -> bool:
        """Whether its kind takes seconds a case."""
        return bool(getattr(_kind(self.kind), "SLOW", False))

    def fault(self, folder: Path) -> str | None:
        """Run it in an empty folder: what is wrong with what came of it; None: all is as it must be.

        Any error but BadInput is raised: it is a traceback that a person would see.
        """
        try:
            _kind(self.kind).run(self.recipe, folder)
        except BadInput as error:
            return _fault_of_sentence(str(error), self.says)
        return None if self.says is None else f"it was taken; wanted a sentence with {self.says!r}"


def _fault_of_sentence(sentence: str, says: str | None) -> str | None:
    if says is None:
        return f"it was refused: {sentence}"
    lines = sentence.split("\n")
    if not re.search(says, sentence):
        return f"the sentence lacks {says!r}: {sentence}"
    if max(map(len, lines)) > LONGEST:
        return f"a sentence of {max(map(len, lines))} characters"
    if not all(map(is_seen, "".join(lines))):
        return f"a sentence with control characters: {sentence!r}"
    if re.search(r"\b(delete|remove) (it|both|them)\b", sentence):
        return f"a sentence that advises deleting a file that may be somebody's: {sentence}"
    return None


def _kind(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")


def kinds() -> list[str]:
    """The folders."""
    return sorted(path.parent.name for path in HERE.glob("*/__init__.py"))


def cases(*wanted: str) -> list[Case]:
    """All cases, or those of the kinds named."""
    files = [(kind, file) for kind in wanted or kinds() for file in sorted((HERE / kind).glob("*.yaml"))]
    lines = [(kind, line) for kind, file in files for line in yaml.safe_load(file.read_text(encoding="utf-8"))]
    return [Case(kind, line.pop("case"), recipe=line, says=line.pop("says", None)) for kind, line in lines]
