"""Statistics over seeds: mean, spread, bands of curves, and paired differences with an interval.

The distribution is scipy's; this module says what may be said with how many seeds: with one no band and no interval, and
none either where all seeds agree to the last digit, since a spread of zero is not certainty. Nothing here knows what the
numbers mean.

Letters: S seeds, P points of a curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import special

if TYPE_CHECKING:  # both take long to import, and an interval needs neither
    import pandas as pd

Floats = npt.NDArray[np.float64]
FEWEST_FOR_T = 3
"""Seeds from which on a band is a t interval; that of two is thirteen times as wide as their distance from their mean."""


@dataclass(frozen=True)
class Difference:
    """A mean over seeds of paired differences, with its interval; NaN where the seeds cannot tell: one, or all alike.

    Attributes:
        mean: of the differences.
        std: sample standard deviation of the differences.
        low, high: ends of the interval.
        num: pairs.
    """

    mean: float
    std: float
    low: float
    high: float
    num: int

    @property
    def half_width(self) -> float:
        """The smallest difference that this many seeds could have told from none, at the spread seen."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Band:
    """Ends of a band around a mean curve, (P,) each, and what they are in words."""

    low: Floats
    high: Floats
    what: str


def mean_and_std(curves: Floats) -> tuple[Floats, Floats]:
    """Mean and sample standard deviation over seeds: (S, P) to (P,) twice; one seed has no deviation (NaN)."""
    one_seed = len(curves) < 2
    std = np.full(curves.shape[1:], np.nan) if one_seed else curves.std(axis=0, ddof=1)
    return curves.mean(axis=0), std


def band(curves: Floats, confidence: float) -> Band:
    """What a mean over seeds is drawn with: how far another set of as many seeds may well have put it.

    From `FEWEST_FOR_T` seeds on Student's t interval of each point's mean, which covers the true mean as often as it says if
    seeds scatter normally; with fewer the lowest and the highest seed, which promise nothing; with one, nothing. A percentile
    bootstrap of the seeds, which is often drawn instead, is hardly more than that range where there are few: of the mean it
    covers 75 % at three seeds and 84 % at five where it says 95 % (`python -m benchmarks coverage`).

    A point at which all seeds agree has no interval, since its spread could not be estimated.

    Args:
        curves: (S, P), one row per seed.
        confidence: of the interval, in (0, 1).

    Returns:
        (P,) lower and upper ends, NaN where there are none, and what they are in words.

    Source: Student 1908, doi:10.1093/biomet/6.1.1.
    """
    num = len(curves)
    if num < 2:
        nothing = np.full(curves.shape[1:], np.nan)
        return Band(nothing, nothing, "one seed")
    if num < FEWEST_FOR_T:
        return Band(curves.min(axis=0), curves.max(axis=0), f"range of {num} seeds")
    mean, std = mean_and_std(curves)
    half = np.where(all_agree(curves), np.nan, t_half_width(std, num, confidence))
    return Band(mean - half, mean + half, f"{100 * confidence:g} % t interval of {num} seeds")


def all_agree(values: Floats, size: Any = 0.0) -> Any:
    """Whether all seeds give the same, but for rounding: (S, ...) to (...) bool. Then nothing is known of their spread.

    Args:
        values: of each seed.
        size: (...) of the largest number that they were made from, which rounding goes by; that of the values at least.
    """
    return np.ptp(values, axis=0) <= 1e-12 * np.maximum(size, np.abs(values).max(axis=0))


def t_half_width(std: Any, num: int, confidence: float) -> Any:
    """Half the width of Student's t interval of a mean of `num` values of this standard deviation."""
    return special.stdtrit(num - 1, (1 + confidence) / 2) * std / num**0.5


def paired_difference(first: Floats, second: Floats, confidence: float) -> Difference:
    """Mean of `first - second`, paired by seed, with Student's t interval.

    Args:
        first, second: (S,) of the same seeds in the same order.
        confidence: of the interval, in (0, 1).

    Raises:
        ValueError: if the two are not pairs.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"pairs are two rows of equal length, not {first.shape} and {second.shape}")
    each = first - second
    num = len(each)
    if num < 2:
        return Difference(float(each.mean()) if num else np.nan, np.nan, np.nan, np.nan, num)
    mean, std = float(each.mean()), float(each.std(ddof=1))
    if all_agree(each, np.abs([first, second]).max()):
        return Difference(mean, 0.0, np.nan, np.nan, num)
    half = float(t_half_width(std, num, confidence))
    return Difference(mean, std, mean - half, mean + half, num)


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation; NaN where one of the two is constant, which has no ranks."""
    import pandas as pd

    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return np.nan
    pairs = pd.DataFrame({"first": first, "second": second})  # scipy's takes half a second to import
    return float(pairs.corr(method="spearman").to_numpy()[0, 1])


def over_seeds(table: pd.DataFrame, by: list[str], along: list[str], value: str, confidence: float) -> pd.DataFrame:
    """Mean, standard deviation and band over seeds of one curve per group of rows.

    Args:
        table: one row per seed and point.
        by: columns that tell curves apart.
        along: columns that tell the points of a curve apart; the curve is sorted by them.
        value: the column to average; it keeps its name.
        confidence: of the band where it is an interval.

    Returns:
        The columns of `by` and `along`, the mean under the name of `value`, std, low, high, num_seeds, and `band`, which says
        what low and high are.
    """
    import pandas as pd

    parts = []
    for keys, part in table.groupby(by, sort=False):
        wide = part.pivot(index="seed", columns=along, values=value).sort_index(axis=1)  # (S, P)
        curves = wide.to_numpy(dtype=float)
        mean, std = mean_and_std(curves)
        drawn = band(curves, confidence)
        curve: dict[str, Any] = {**dict(zip(by, keys, strict=True)), value: mean, "std": std}
        curve |= {"low": drawn.low, "high": drawn.high, "num_seeds": len(curves), "band": drawn.what}
        parts.append(wide.columns.to_frame(index=False).assign(**curve))
    columns = [*by, *along, value, "std", "low", "high", "num_seeds", "band"]
    return pd.concat(parts, ignore_index=True)[columns]
