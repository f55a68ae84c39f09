"""Numbers as people read them, in the report."""

from __future__ import annotations

import math

NOTHING = "\N{EN DASH}"
STATES = {"unpruned": "unpruned", "final": "after the last round", "recovered": "after recovery"}


def percent(value: float) -> str:
    """A fraction as a percentage."""
    return f"{100 * value:.1f}" if math.isfinite(value) else NOTHING


def points(value: float) -> str:
    """A difference of fractions in percentage points, signed unless it is 0 as shown."""
    return signed(100 * value, 1) if math.isfinite(value) else NOTHING


def signed(value: float, decimals: int) -> str:
    """A number with its sign, a true minus among them; none where only zeros are shown."""
    text = f"{value:+.{decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text[1:]


def millions(value: float, like: float | None = None) -> str:
    """A count in millions, to three digits, or to as many decimals as another count has then."""
    if not math.isfinite(value):
        return NOTHING
    size = abs(value if like is None else like) / 1e6
    decimals = max(0, 2 - math.floor(math.log10(size))) if size else 2
    return f"{value / 1e6:.{decimals}f}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s"


def with_spread(mean: float, std: float, form: str) -> str:
    """Mean ± standard deviation; the mean alone with one seed."""
    shown = percent(mean) if form == "percent" else millions(mean)
    if not (math.isfinite(mean) and math.isfinite(std)):
        return shown
    return f"{shown} ± {percent(std) if form == 'percent' else millions(std, like=mean)}"
