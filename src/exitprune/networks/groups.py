"""Groups of parameters, which rounds prune and train.

`all` and `apart` are everything; under `apart` no early exit's loss reaches what is before the exit.
"""

from __future__ import annotations

from typing import Literal

Group = Literal["base", "exits", "all", "apart"]
