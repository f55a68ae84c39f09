"""Optional extras: packages that only some commands need, imported where they are needed and missed in one sentence."""

from __future__ import annotations

import importlib
from types import ModuleType

from exitprune.errors import BadInput


def extra(module: str) -> ModuleType:
    """Import a module of the extra `export`.

    Raises:
        BadInput: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split(".")[0]:
            raise
        raise BadInput(f"{error.name} is not installed; run: pip install 'exitprune[export]'") from None
