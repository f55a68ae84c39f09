"""How often a band over few seeds holds the true mean: the claim of 95 %, simulated, for the bands that papers draw."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import stats

from exitprune.evaluation.statistics import Floats, band

SEEDS = (3, 5, 10)
TRIALS, RESAMPLES, AT_ONCE = 20_000, 2_000, 250
CONFIDENCE = 0.95
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]
SCATTERS: dict[str, tuple[Draw, float]] = {
    "normal": (lambda draw, shape: draw.normal(size=shape), 0.0),
    "skewed, as accuracies near 100 %": (lambda draw, shape: draw.beta(40, 1, size=shape), 40 / 41),
    "normal, rounded to one image in 500": (
        lambda draw, shape: (500 * draw.normal(0.9, 0.004, shape)).round() / 500,
        0.9,
    ),
}
"""How the seeds of a made-up study scatter, and their true mean."""


def bootstrap(values: Floats) -> tuple[Floats, Floats]:
    """The percentile bootstrap of the mean, as it is often drawn around curves: (S, P) to (P,) twice."""
    ends = []
    for start in range(0, values.shape[1], AT_ONCE):
        part = values[:, start : start + AT_ONCE]
        drawn = np.random.default_rng(start).integers(0, len(part), (RESAMPLES, len(part)))
        means = part[drawn].mean(axis=1)  # (resamples, P)
        ends.append(np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0))
    low, high = np.concatenate(ends, axis=1)
    return low, high


def bands(values: Floats) -> dict[str, tuple[Floats, Floats]]:
    """Ends of each kind of band, (P,) each."""
    ours = band(values, CONFIDENCE)
    return {
        "t interval (bands of figures)": (ours.low, ours.high),
        "percentile bootstrap": bootstrap(values),
        "range of the seeds": (values.min(axis=0), values.max(axis=0)),
        "mean ± one standard deviation": (
            values.mean(0) - values.std(0, ddof=1),
            values.mean(0) + values.std(0, ddof=1),
        ),
    }


def measure() -> list[str]:
    """Markdown lines."""
    lines = [
        "## How often a band of 95 % over few seeds holds the true mean",
        "",
        f"Simulated, {TRIALS} made-up studies each; a band that is not there, since all seeds agree, is left out.",
        "",
        f"| seeds scatter | band | {' | '.join(f'{num} seeds' for num in SEEDS)} |",
        f"|---|---|{'---|' * len(SEEDS)}",
    ]
    for scatter, (draw, mean) in SCATTERS.items():
        covered: dict[str, list[str]] = {}
        for num in SEEDS:
            values = draw(np.random.default_rng(num), (num, TRIALS))
            for kind, (low, high) in bands(values).items():
                there = np.isfinite(low)
                share = ((low <= mean) & (mean <= high))[there].mean()
                covered.setdefault(kind, []).append(f"{100 * share:.0f} %")
        lines += [f"| {scatter} | {kind} | {' | '.join(shares)} |" for kind, shares in covered.items()]
    width = [float(stats.t.ppf((1 + CONFIDENCE) / 2, num - 1)) / num**0.5 for num in SEEDS]
    wide = ", ".join(f"{value:.1f} at {num}" for num, value in zip(SEEDS, width, strict=True))
    return [*lines, "", f"Half the width of the t interval, in standard deviations of the seeds: {wide}."]
