"""Packages that only some commands need: imported where they are needed, and missed in one sentence."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from exitprune.errors import BadInput

EXTRAS = {"onnxruntime": "predict", "llvmlite": "sparse"}
"""By which extra of pyproject.toml a package comes; the others come by `export`."""


def extra(module: str) -> ModuleType:
    """Import a module of a package that may not be there.

    Raises:
        BadInput: if the package is not installed.
    """
    package = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise missing(error, EXTRAS.get(package, "export")) from None


def missing(error: ModuleNotFoundError, wanted: str) -> Exception:
    """What to raise instead of an import's failure: a sentence, unless it is a module of ours that is missing.

    Args:
        error: of the import.
        wanted: the extra that would have brought the package.
    """
    package = (error.name or "").split(".")[0]
    if package in ("", "exitprune"):
        return error
    return BadInput(f"{package} is not installed; run: pip install '.[{wanted}]' in a checkout of exitprune")


def onnxruntime_session(model: str | bytes, num_threads: int) -> Any:
    """A model, or the file it is in, ready to run on the CPU.

    Raises:
        BadInput: if onnxruntime is not installed.
    """
    runtime = extra("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.log_severity_level = 4  # errors come as exceptions; a log would print the names in a stranger's model
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
