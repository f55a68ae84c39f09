"""Numbers as people read them, in the report."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

NOTHING = "\N{EN DASH}"
STATES = {"unpruned": "unpruned", "final": "after the last round", "recovered": "after recovery"}


def percent(value: float) -> str:
    """A fraction as a percentage."""
    return f"{100 * value:.1f}" if math.isfinite(value) else NOTHING


def share(value: float) -> str:
    """A fraction that a person chose, as a percentage without needless zeros: 80, 2.5."""
    return f"{100 * value:.6g}"


def threshold(value: float) -> str:
    """A threshold for reading: two digits of what is missing to 1, or to 0, where networks that are sure of themselves differ."""
    if not 0 < value < 1:
        return f"{value:g}"
    exponents = [int(f"{distance:.1e}".partition("e")[2]) for distance in (value, 1 - value)]
    return f"{value:.{1 - min(exponents)}f}"


def points(value: float) -> str:
    """A difference of fractions in percentage points, signed unless it is 0 as shown."""
    return signed(100 * value, 1) if math.isfinite(value) else NOTHING


def interval(low: float, high: float) -> str:
    """Both ends in points, with more decimals where one would hide on which side of 0 an end lies."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return NOTHING
    first, last = (
        signed(100 * value, next((d for d in (1, 2, 3) if not value or round(100 * value, d)), 4))
        for value in (low, high)
    )
    return f"{first} to {last}"


def is_number_like(text: str) -> bool:
    """Whether a cell reads as a number (with a spread, an interval, a sign) or says that there is none."""
    return text == NOTHING or re.match(r"[-+\N{MINUS SIGN}]?\d", text) is not None


def joined(words: Sequence[str]) -> str:
    """As in a sentence: 1, 2 and 3."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


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


def counted(num: int, word: str) -> str:
    """A number and what it is of: 1 seed, 3 seeds."""
    return f"{num:,} {word}" if num == 1 else f"{num:,} {word}s"


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


def with_shares(shares: Mapping[str, Sequence[str]]) -> str:
    """Methods, each with its shares as they are shown: erk (50, 80 %), snip (90 %)."""
    return ", ".join(f"{method} ({', '.join(gone)} %)" for method, gone in shares.items())
