"""A number, true or false that came as text, a share in per cent: what to write instead."""

from __future__ import annotations

import math
from typing import Any

from pydantic_core import ErrorDetails

HINT = ", not text: write 1e-3 as 0.001, and what stands in braces after --config in params.yaml"


def hint(detail: ErrorDetails) -> str:
    """What to add to the reason of an error of pydantic's, if that is what is wrong; else nothing."""
    kind, given = detail["type"], detail["input"]
    is_share = kind in ("less_than", "less_than_equal") and 1 in detail["ctx"].values()
    if is_share and isinstance(given, int | float) and 2 <= given <= 100:
        return f", and {given:g} % is {given / 100:g}"
    return HINT if kind in ("float_type", "int_type", "bool_type") and _was_text(given) else ""


def _was_text(value: Any) -> bool:
    """Whether it is the text of a number, of true or of false."""
    try:
        return isinstance(value, str) and (value.lower() in ("true", "false") or math.isfinite(float(value)))
    except ValueError:
        return False
