"""A difference over seeds crossed with test images: its error, its tests, and where its scatter comes from.

Another seed would give another difference, and so would other test images; all seeds answer the same images, so the two cross.
The model is that of two random effects without replication, in groups of images: difference = mean + seed + images + rest. Its
mean squares give the error of the mean, Satterthwaite's formula the degrees of freedom. What a seed scatters holds everything
that a run draws once: initial weights, batches, and the rounding of its processor.

A spread of zero over seeds is not certainty, and one seed has none: both give NaN.

Letters: S seeds, G groups of test images; any axes before these are studies of their own.

Sources: Clark 1973, doi:10.1016/S0022-5371(73)80014-3 (both effects at once); Satterthwaite 1946, doi:10.2307/3002019;
Schuirmann 1987, doi:10.1007/BF01068419 (two one-sided tests).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtr, stdtrit

from exitprune.evaluation.statistics import Floats, all_agree


@dataclass(frozen=True)
class Crossed:
    """A mean difference and what can be said of it; arrays where several studies were given.

    Attributes:
        mean: over seeds and images.
        error: standard error of the mean; NaN where the seeds cannot tell: one, or all alike.
        freedom: degrees of freedom of the error.
        seeds, images, rest: standard deviations that a new seed, other test images and both together add to what a seed shows.
        num_seeds: seeds.
    """

    mean: Any
    error: Any
    freedom: Any
    seeds: Any
    images: Any
    rest: Any
    num_seeds: int

    def interval(self, confidence: float) -> tuple[Any, Any]:
        """Lower and upper end."""
        half = stdtrit(self.freedom, (1 + confidence) / 2) * self.error
        return self.mean - half, self.mean + half

    @property
    def p_different(self) -> Any:
        """Of a mean this far from 0, if it is 0; both sides."""
        return 2 * stdtr(self.freedom, -np.abs(self.mean) / self.error)

    def p_alike(self, margin: float) -> Any:
        """Of a mean this well within the margin, if it lies outside: the larger of two one-sided tests."""
        return stdtr(self.freedom, (np.abs(self.mean) - margin) / self.error)

    def p_unlike(self, margin: float) -> Any:
        """Of a mean this far beyond the margin, if it lies within; both sides."""
        return np.minimum(1, 2 * stdtr(self.freedom, (margin - np.abs(self.mean)) / self.error))


def crossed(differences: Floats) -> Crossed:
    """The difference over seeds and groups of test images.

    The error is the larger of what both effects add up to and what either says alone: an effect whose estimate is below nothing
    counts as nothing. Degrees of freedom are those of the seeds at least. How often that errs: docs/statistics.md.

    Args:
        differences: (..., S, G) of each seed on each group.
    """
    num_seeds, num_groups = differences.shape[-2:]
    mean = differences.mean((-2, -1))
    if min(num_seeds, num_groups) < 2:
        nothing = np.full_like(mean, np.nan)
        return Crossed(mean, nothing, nothing, nothing, nothing, nothing, num_seeds)
    by_seed, by_group = differences.mean(-1), differences.mean(-2)
    rest = differences - by_seed[..., None] - by_group[..., None, :] + mean[..., None, None]
    freedoms = num_seeds - 1, num_groups - 1, (num_seeds - 1) * (num_groups - 1)
    of_seeds = num_groups * by_seed.var(-1, ddof=1)
    of_groups = num_seeds * by_group.var(-1, ddof=1)
    of_rest = (rest**2).sum((-2, -1)) / freedoms[2]
    both = of_seeds + of_groups - of_rest
    agree = all_agree(np.moveaxis(by_seed, -1, 0), np.abs(differences).max((-2, -1)))
    spread = np.where(agree, np.nan, 1.0)
    error = spread * np.sqrt(np.maximum(np.maximum(of_seeds, of_groups), both) / (num_seeds * num_groups))
    squares = sum(
        mean_square**2 / num for mean_square, num in zip((of_seeds, of_groups, of_rest), freedoms, strict=True)
    )
    freedom = np.maximum(freedoms[0], both**2 / np.where(squares > 0, squares, np.nan))
    return Crossed(
        mean,
        error,
        freedom,
        np.sqrt(np.maximum(0, of_seeds - of_rest) / num_groups),
        np.sqrt(np.maximum(0, of_groups - of_rest) / (num_seeds * num_groups)),
        np.sqrt(of_rest / num_groups),
        num_seeds,
    )
