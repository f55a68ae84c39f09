"""Which exits a network keeps and where images leave: every subset of its early exits at every threshold, exactly.

The classifier stays. An early exit that is left out is not asked, and its head costs nothing.

Letters: E exits, N images, T thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from exitprune.evaluation.outcome import midway
from exitprune.evaluation.records import Outcomes

ROUNDING = 1e-12
"""By what share sums of the same milliseconds may differ, added up in another order; sums of MACs are exact."""
Exits = tuple[int, ...]
"""The early exits that are kept, counted as the network counts them."""


@dataclass(frozen=True)
class Point:
    """A subset and a threshold.

    Attributes:
        exits: early exits that are kept.
        threshold: as far as can be from the confidences at which an image would change its exit.
        accuracy: fraction of images answered right.
        cost: per image, on average; MACs, or milliseconds where that is what outcomes cost.
    """

    exits: Exits
    threshold: float
    accuracy: float
    cost: float


def subsets(num_early: int) -> Iterator[Exits]:
    """All of so many early exits, few exits first."""
    for size in range(num_early + 1):
        yield from combinations(range(num_early), size)


def with_exits(outcomes: Outcomes, heads: Sequence[float], kept: Exits) -> Outcomes:
    """What the network does without its other early exits.

    Args:
        outcomes: of the whole network.
        heads: cost of each early exit's head, E - 1: that of a later exit has them in it.
        kept: early exits, rising.

    Returns:
        One row per early exit kept, and the classifier's.
    """
    rows = [*kept, len(heads)]
    saved = [sum(cost for exit_, cost in enumerate(heads[:row]) if exit_ not in kept) for row in rows]
    macs = outcomes.macs[rows] - np.array(saved)[:, None]
    return Outcomes(outcomes.confidence[rows], outcomes.correct[rows], macs)


@dataclass(frozen=True)
class Front:
    """What is worth using of a network: nothing cheaper is as accurate, and nothing as cheap is more accurate.

    Attributes:
        num_images: of validation.
        num_correct, total_cost: (P,) summed over them, both rising.
    """

    num_images: int
    num_correct: npt.NDArray[np.int64]
    total_cost: npt.NDArray[np.float64]
    _found: list[tuple[Exits, int]]
    _confidences: npt.NDArray[np.float32]
    _ranks: npt.NDArray[np.int64]

    def point(self, place: int) -> Point:
        """One of the P, with its threshold."""
        exits, rank = self._found[place]
        return Point(
            exits,
            _threshold(self._confidences, self._ranks[list(exits)], rank),
            float(self.num_correct[place] / self.num_images),
            float(self.total_cost[place] / self.num_images),
        )


def front(outcomes: Outcomes, heads: Sequence[float]) -> Front:
    """Of all subsets of exits and all thresholds.

    Early confidences become ranks once. Under a subset, an image is past its exit e while the threshold is not below the highest
    confidence up to e, so what leaving at e gives instead of leaving at the next exit kept is counted at that rank, and summed up
    from above. This takes no sorting: O(E N + T) for each of the 2^(E - 1) subsets.

    Of equally good points the one with the fewest exits counts, then the one with the earliest.

    Args:
        outcomes: of validation images; no exit may cost more than a later one.
        heads: cost of each early exit's head, E - 1.
    """
    num_images = outcomes.confidence.shape[1]
    confidences, ranks = np.unique(outcomes.confidence[:-1], return_inverse=True)
    ranks = ranks.reshape(outcomes.confidence[:-1].shape)  # (E - 1, N); T is len(confidences) + 1
    cheapest = np.full(num_images + 1, np.inf)  # by the number of right answers
    found: list[tuple[Exits, int]] = [((), 0)] * (num_images + 1)
    for kept in subsets(len(heads)):
        highest = np.maximum.accumulate(ranks[list(kept)], axis=0)
        num_correct, macs = _at_every_rank(with_exits(outcomes, heads, kept), highest, len(confidences))
        more = np.flatnonzero(num_correct > np.append(-1, np.maximum.accumulate(num_correct)[:-1]))  # macs never fall
        better = more[macs[more] < cheapest[num_correct[more]] * (1 - ROUNDING)]
        cheapest[num_correct[better]] = macs[better]
        for rank in better.tolist():
            found[num_correct[rank]] = kept, rank
    beaten_by = np.append(np.minimum.accumulate(cheapest[::-1])[::-1][1:], np.inf)
    unbeaten = np.flatnonzero(cheapest < beaten_by)
    return Front(num_images, unbeaten, cheapest[unbeaten], [found[number] for number in unbeaten], confidences, ranks)


def _at_every_rank(
    outcomes: Outcomes, highest: npt.NDArray[np.int64], num_ranks: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Right answers and MACs of all images, (T,) each, when those leave whose confidence has at least this rank.

    Args:
        outcomes: of the exits kept.
        highest: (E - 1, N) rank of the highest confidence up to each early exit kept.
        num_ranks: T - 1.
    """
    totals = []
    macs = np.broadcast_to(outcomes.macs, outcomes.confidence.shape)
    for values in (outcomes.correct.astype(np.int64), macs):
        instead = (values[:-1] - values[1:]).ravel()  # of leaving here, not at the next exit
        by_rank = np.bincount(highest.ravel(), instead, num_ranks)
        totals.append(values[-1].sum() + np.append(by_rank[::-1].cumsum()[::-1], 0))
    return totals[0].astype(np.int64), totals[1]


def _threshold(confidences: npt.NDArray[np.float32], ranks: npt.NDArray[np.int64], rank: int) -> float:
    """That lets those leave whose confidence has at least a rank.

    Args:
        confidences: by rank.
        ranks: of the exits kept, (E - 1, N).
        rank: from 0, everybody, to the number of ranks, nobody.
    """
    changes = np.unique(np.maximum.accumulate(ranks, axis=0))  # ranks at which some image changes its exit
    place = np.searchsorted(changes, rank)
    if place == len(changes):
        return 1.0
    lowest = confidences[changes[place - 1]] if place else np.float32(0)
    return midway(lowest, confidences[changes[place]])
