"""A name in params.yaml is the name of a file: `criterion: magnitude` is `criteria/magnitude.py`.

To add a variant, add the file; there is nothing to register.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parent


@cache
def folder_of(family: str) -> Path:
    """Where a family's files are: the folder of this name, whatever room it is in.

    Raises:
        ValueError: if there is no such family.
    """
    folder = next((path for path in sorted(PACKAGE.rglob(family)) if path.is_dir()), None)
    if folder is None:
        raise ValueError(f"there is no family {family!r}")
    return folder


def module_of(family: str, name: str) -> str:
    """The dotted name of a variant's module."""
    return ".".join((PACKAGE.name, *folder_of(family).relative_to(PACKAGE).parts, name))


def names_of(family: str) -> list[str]:
    """The variants of a family (`criteria`, `orders`, ...), in alphabetical order."""
    return sorted(path.stem for path in folder_of(family).glob("[!_]*.py"))


def variant(family: str, name: str) -> ModuleType:
    """The module of one variant.

    Raises:
        ValueError: if the family has no such file.
    """
    if name not in names_of(family):
        raise ValueError(f"{family}: there is no {name!r}; allowed: {', '.join(names_of(family))}")
    return importlib.import_module(module_of(family, name))
