"""Groups of parameters, which rounds prune and train."""

from __future__ import annotations

from typing import Literal

Group = Literal["base", "exits", "all"]
