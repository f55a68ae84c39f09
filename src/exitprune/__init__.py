"""exitprune: prune early-exit networks and find out what that buys.

The folder tree is the table of contents, in the direction in which data flow; stages and commands put the rooms to work.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exitprune.library.early_exits import EarlyExits
    from exitprune.library.wrapping import cut_points, load, wrap

__all__ = ["EarlyExits", "cut_points", "load", "wrap"]


def __getattr__(name: str) -> Any:
    """The calls of the library; they import torch, which `exitprune predict` does without. And `exitprune.sparse`."""
    if name == "sparse":
        return importlib.import_module("exitprune.sparse")
    if name in __all__:
        module = "early_exits" if name == "EarlyExits" else "wrapping"
        return getattr(importlib.import_module(f"exitprune.library.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
