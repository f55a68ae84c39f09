"""Groups of parameters, which rounds prune and train.

`all` and `apart` are everything; under `apart` no early exit's loss reaches what is before the exit.
"""

from __future__ import annotations

import re
from typing import Literal

Group = Literal["base", "exits", "all", "apart"]
EXIT = "exit"
"""What the layers of exit heads are called, with the number of their exit: exit0, exit1, ..."""


def group_of(layer: str) -> Group:
    """`exits` for the layer of an exit head, else `base`."""
    return "exits" if re.fullmatch(rf"{EXIT}\d+", layer) else "base"
