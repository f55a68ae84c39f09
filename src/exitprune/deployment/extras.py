"""Optional extras: packages that only some commands need, imported where they are needed and missed in one sentence."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

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
        raise BadInput(
            f"{error.name} is not installed; run: pip install '.[export]' in a checkout of exitprune"
        ) from None


def onnxruntime_session(model: str | bytes, num_threads: int) -> Any:
    """A model, or the file it is in, ready to run on the CPU.

    Raises:
        BadInput: if onnxruntime is not installed.
    """
    runtime = extra("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.log_severity_level = 3  # errors alone; warnings are about optimisations
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
