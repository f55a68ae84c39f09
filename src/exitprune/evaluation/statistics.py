"""Statistics over seeds: mean, spread, bands of curves, and paired differences with an interval.

Everything is scipy's; this module only says what happens with one seed (no band, no interval: NaN) and without any spread
(an interval of width zero). Nothing here knows what the numbers mean.

Letters: S seeds, P points of a curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from exitprune.config.evaluate import Evaluate

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A mean over seeds of paired differences, with its interval; NaN where one seed alone cannot tell.

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


def mean_and_std(curves: Floats) -> tuple[Floats, Floats]:
    """Mean and sample standard deviation over seeds: (S, P) to (P,) twice; one seed has no deviation (NaN)."""
    one_seed = len(curves) < 2
    std = np.full(curves.shape[1:], np.nan) if one_seed else curves.std(axis=0, ddof=1)
    return curves.mean(axis=0), std


def bootstrap_band(curves: Floats, confidence: float, resamples: int) -> tuple[Floats, Floats]:
    """Percentile bootstrap band of the mean curve: whole curves are drawn, so points of a curve stay together.

    Args:
        curves: (S, P), one row per seed.
        confidence: of the band, in (0, 1).
        resamples: how often S curves are drawn with replacement; the draws are the same in every call.

    Returns:
        (P,) lower and (P,) upper end; NaN for one seed.

    Source: Efron 1979, doi:10.1214/aos/1176344552.
    """
    if len(curves) < 2:
        nothing = np.full(curves.shape[1:], np.nan)
        return nothing, nothing
    interval = stats.bootstrap(
        (curves,),
        np.mean,
        axis=0,
        vectorized=True,
        confidence_level=confidence,
        n_resamples=resamples,
        method="percentile",  # the default, BCa, is undefined where all seeds agree
        rng=np.random.default_rng(0),
    ).confidence_interval
    return np.asarray(interval.low), np.asarray(interval.high)


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
    half = float(stats.t.ppf((1 + confidence) / 2, num - 1)) * std / num**0.5  # t.interval gives NaN where std is 0
    return Difference(mean, std, mean - half, mean + half, num)


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation; NaN where one of the two is constant, which has no ranks."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return np.nan
    return float(stats.spearmanr(first, second).statistic)


def over_seeds(table: pd.DataFrame, by: list[str], along: list[str], value: str, evaluate: Evaluate) -> pd.DataFrame:
    """Mean, standard deviation and bootstrap band over seeds of one curve per group of rows.

    Args:
        table: one row per seed and point.
        by: columns that tell curves apart.
        along: columns that tell the points of a curve apart; the curve is sorted by them.
        value: the column to average; it keeps its name.
        evaluate: confidence and resamples of the band.

    Returns:
        The columns of `by` and `along`, the mean under the name of `value`, std, low, high, num_seeds.
    """
    parts = []
    for keys, part in table.groupby(by, sort=False):
        wide = part.pivot(index="seed", columns=along, values=value).sort_index(axis=1)  # (S, P)
        curves = wide.to_numpy(dtype=float)
        mean, std = mean_and_std(curves)
        low, high = bootstrap_band(curves, evaluate.confidence_level, evaluate.resamples)
        curve: dict[str, Any] = {**dict(zip(by, keys, strict=True)), value: mean, "std": std, "low": low, "high": high}
        parts.append(wide.columns.to_frame(index=False).assign(**curve, num_seeds=len(curves)))
    columns = [*by, *along, value, "std", "low", "high", "num_seeds"]
    return pd.concat(parts, ignore_index=True)[columns]
