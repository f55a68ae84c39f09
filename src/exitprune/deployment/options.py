"""Numbers that several commands take, checked in the same words."""

from __future__ import annotations

import math

from exitprune.errors import BadInput


def check_finite(option: str, value: float | None) -> None:
    """Refuse infinity and what is no number.

    Raises:
        BadInput: naming the option.
    """
    if value is not None and not math.isfinite(value):
        raise BadInput(f"{option}: {value} was given; give a finite number")


def check_threshold(value: float | None, option: str = "--threshold") -> None:
    """Refuse what no confidence can exceed but 1 itself, which says so; a share given in per cent, say.

    Raises:
        BadInput: naming the option.
    """
    check_finite(option, value)
    if value is not None and value > 1:
        raise BadInput(f"{option}: {value:g} was given; no confidence is above 1, at which nobody leaves early")
