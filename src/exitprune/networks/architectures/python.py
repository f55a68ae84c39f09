"""A network of your own: `name: package.module:function`, a function of channels and classes that gives a torch module.

The module has to be found by Python, from the folder that the study is run in or through PYTHONPATH.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import field_validator
from torch import nn

from exitprune.config.model import NamedSettings
from exitprune.errors import BadInput
from exitprune.networks.named import GIVEN
from exitprune.networks.own_code import files_of
from exitprune.networks.own_module import OwnModule


class Settings(NamedSettings):
    """Where it is."""

    @field_validator("name")
    @classmethod
    def _two_parts(cls, name: str) -> str:
        module, _, function = name.partition(":")
        if not module or not function:
            raise ValueError("write package.module:function")
        return name

    @property
    def title(self) -> str:
        return self.name.rpartition(":")[2]

    @property
    def files(self) -> list[Path]:
        """The weights, the file that the function is in, and those of its folder that this one imports."""
        with _folder_here():
            return [*super().files, *files_of(self.name.partition(":")[0])]

    @property
    def can_be_built(self) -> bool:
        return not self.name.startswith(GIVEN)


@contextmanager
def _folder_here() -> Iterator[None]:
    """Modules in the folder that a study is run in are found."""
    sys.path.append(str(Path.cwd()))
    try:
        yield
    finally:
        sys.path.pop()


def _place(error: Exception) -> str:
    """The innermost line that an error comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    return f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""


def build(settings: Settings, channels: int, num_classes: int) -> OwnModule:
    """What the function gives."""
    package, _, function = settings.name.partition(":")
    if not settings.can_be_built:
        raise BadInput(f"{function} was given as a module, and cannot be built anew: give the module again")
    try:
        with _folder_here():
            make = getattr(importlib.import_module(package), function, None)
            made = make(channels, num_classes) if callable(make) else None
    except Exception as error:  # of a stranger's code
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{package}.".startswith(f"{missing}."):
            raise BadInput(
                f"{settings.name} is not found: there is no module {missing}; put its folder on PYTHONPATH"
            ) from None
        raise BadInput(f"{settings.name} ends in {type(error).__name__}{_place(error)}: {error}") from None
    if not callable(make):
        raise BadInput(f"{settings.name} is not found: {package} has no function {function}")
    if not isinstance(made, nn.Module):
        raise BadInput(f"{settings.name} gives a {type(made).__name__}, not a torch.nn.Module")
    return OwnModule(made)
