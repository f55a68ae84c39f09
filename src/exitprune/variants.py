"""A name in params.yaml is the name of a file: `criterion: magnitude` is `criteria/magnitude.py`.

To add a variant, add the file; there is nothing to register.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).parent


def names_of(family: str) -> list[str]:
    """The variants of a family (`criteria`, `orders`, ...), in alphabetical order."""
    return sorted(path.stem for path in (PACKAGE / family).glob("[!_]*.py"))


def variant(family: str, name: str) -> ModuleType:
    """The module of one variant.

    Raises:
        ValueError: if the family has no such file.
    """
    if name not in names_of(family):
        raise ValueError(f"{family}: there is no {name!r}; allowed: {', '.join(names_of(family))}")
    return importlib.import_module(f"exitprune.{family}.{name}")
