"""A name in params.yaml is the name of a file: `criterion: magnitude` is `criteria/magnitude.py`.

To add a variant, add the file; there is nothing to register.
"""

from __future__ import annotations

import importlib
import os
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = Path(__file__).parent
ROOMS = ("config", "origin", "jobs", "networks", "data", "training", "pruning", "evaluation", "deployment", "reporting")
"""The packages in the direction in which data flow: none imports from one that stands later."""


@cache
def folder_of(family: str) -> Path:
    """Where a family's files are: the folder of this name, whatever room it is in.

    Raises:
        ValueError: if there is no such family.
    """
    folders = [Path(folder) for folder, _, files in os.walk(PACKAGE) if "__init__.py" in files]
    found = [folder for folder in folders if folder.name == family]  # one without files is left by another version
    if not found:
        raise ValueError(f"there is no family {family!r}")
    return found[0]


def module_of(family: str, name: str) -> str:
    """The dotted name of a variant's module."""
    return ".".join((PACKAGE.name, *folder_of(family).relative_to(PACKAGE).parts, name))


def names_of(family: str) -> list[str]:
    """The variants of a family (`criteria`, `orders`, ...), in alphabetical order."""
    files = folder_of(family).iterdir()
    return sorted(file.stem for file in files if file.suffix == ".py" and not file.name.startswith("_"))


def variant(family: str, name: str) -> ModuleType:
    """The module of one variant.

    Raises:
        ValueError: if the family has no such file.
    """
    if name not in names_of(family):
        raise ValueError(f"{family}: there is no {name!r}; allowed: {', '.join(names_of(family))}")
    return importlib.import_module(module_of(family, name))


def class_of(family: str, name: str) -> Any:
    """The one class of a variant's file that is of its family: a `Section`, whose fields are the variant's own settings.

    Raises:
        ValueError: if the family has no such file, or the file not exactly one such class.
    """
    module = variant(family, name)
    package = importlib.import_module(module.__name__.rpartition(".")[0])
    kinds = tuple(value for value in vars(package).values() if _is_made_in(value, package))
    found = [value for value in vars(module).values() if _is_made_in(value, module) and issubclass(value, kinds)]
    if len(found) != 1:
        raise ValueError(f"{module.__file__}: one class of the family {family} was expected, not {len(found)}")
    return found[0]


def _is_made_in(value: Any, module: ModuleType) -> bool:
    return isinstance(value, type) and value.__module__ == module.__name__
