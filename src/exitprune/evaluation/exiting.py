"""Leave early: from the logits of all exits to the exit each image takes.

Letters: E exits, N images, K classes, T thresholds. Nothing here touches a network or a device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from exitprune.evaluation.records import Outcomes

if TYPE_CHECKING:
    from torch import Tensor


def confidence_of(logits: Tensor) -> Tensor:
    """Largest softmax probability of every exit for every image: (..., K) to (...), in [0, 1]."""
    return logits.softmax(dim=-1).amax(dim=-1)


def first_confident_exit(confidence: Tensor, threshold: float) -> Tensor:
    """Index of the first exit whose confidence exceeds the threshold, for each image.

    An image that no exit is confident about leaves at the last one; the last exit's own confidence is not asked.

    Args:
        confidence: (E, N), largest softmax probability, in [0, 1].
        threshold: an image leaves where its confidence exceeds it; 1 or more sends every image to the last exit.

    Returns:
        (N,) int64 in 0 .. E - 1.

    Source: Görmez and Koyuncu 2022, arXiv:2207.03644.
    """
    leaves = confidence > threshold  # (E, N)
    leaves[-1] = True
    return leaves.int().argmax(dim=0)  # argmax takes the first of equals


@dataclass(frozen=True)
class Sweep:
    """The trade-off curve: what every threshold gives, from the strictest down.

    Attributes:
        threshold: (T,) every confidence at which any image changes its exit, falling, between 1.0 and 0.0.
        num_correct: (T,) images answered right.
        total_macs: (T,) summed over the images; exact where costs are whole numbers.
        num_leaving: (T, E) images leaving at each exit.
    """

    threshold: npt.NDArray[np.float32]
    num_correct: npt.NDArray[np.int64]
    total_macs: npt.NDArray[np.int64 | np.float64]
    num_leaving: npt.NDArray[np.int64]

    @property
    def num_images(self) -> int:
        """How many images were swept."""
        return int(self.num_leaving[0].sum())

    @property
    def accuracy(self) -> npt.NDArray[np.float64]:
        """(T,) fraction of images answered right."""
        return self.num_correct / self.num_images

    @property
    def average_macs(self) -> npt.NDArray[np.float64]:
        """(T,) multiply-accumulates per image."""
        return self.total_macs / self.num_images

    @property
    def exit_rate(self) -> npt.NDArray[np.float64]:
        """(T, E) share of images leaving at each exit; rows sum to 1."""
        return self.num_leaving / self.num_images


def outcomes_of(logits: Tensor, labels: Tensor, macs: Tensor) -> Outcomes:
    """What is kept of logits: how sure each exit is of each image, and whether it is right.

    Args:
        logits: (E, N, K).
        labels: (N,).
        macs: of leaving at each exit: (E, 1) where every image costs the same, (E, N) where it depends on the image.
    """
    return Outcomes(confidence_of(logits).numpy(), (logits.argmax(dim=-1) == labels).numpy(), macs.numpy())


def sweep(logits: Tensor, labels: Tensor, macs: Tensor) -> Sweep:
    """The sweep of logits; arguments as those of `outcomes_of`."""
    return sweep_outcomes(outcomes_of(logits, labels, macs))


def sweep_outcomes(outcomes: Outcomes) -> Sweep:
    """Accuracy and cost for every threshold there is, exactly: nothing changes between two of the rows.

    As the threshold falls an image moves from the last exit to earlier ones. It takes exit e while the threshold is below
    the confidence of e and not below that of any exit before it, so it moves at most E - 1 times. All moves of all images,
    sorted by the confidence at which they happen, are summed up once: O(EN log EN).

    Returns:
        One row per threshold.
    """
    confidence, correct = outcomes.confidence, outcomes.correct.astype(np.int64)  # (E, N)
    num_exits, num_images = confidence.shape
    cost = np.broadcast_to(outcomes.macs, confidence.shape)  # (E, N)

    highest = np.maximum.accumulate(confidence[:-1], axis=0)  # of the exits up to e, (E - 1, N)
    record = np.ones_like(highest, dtype=bool)
    record[1:] = confidence[1:-1] > highest[:-1]  # exit e is taken for some threshold
    # An image comes to exit e from the next later exit that is ever taken, the classifier at the latest.
    origin = np.full_like(highest, num_exits - 1, dtype=np.int64)
    for e in range(num_exits - 3, -1, -1):
        origin[e] = np.where(record[e + 1], e + 1, origin[e + 1])

    to, image = np.nonzero(record)
    at = confidence[to, image]
    falling = np.argsort(-at, kind="stable")
    to, image, at = to[falling], image[falling], at[falling]
    come_from = origin[to, image]

    moves = np.zeros((len(at) + 1, num_exits), dtype=np.int64)
    moves[0, -1] = num_images
    rows = np.arange(1, len(at) + 1)
    moves[rows, to] += 1
    moves[rows, come_from] -= 1
    num_leaving = moves.cumsum(axis=0)
    num_correct, total_macs = (
        np.append(of[-1].sum(), of[to, image] - of[come_from, image]).cumsum() for of in (correct, cost)
    )

    # At threshold t all moves with a confidence above t have happened: the row before the first move at t.
    firsts = np.flatnonzero(np.diff(at, prepend=np.float32(np.inf)))
    take = np.append(firsts, len(at))
    threshold = np.append(at[firsts], np.float32(0))
    if threshold[0] < 1:
        take, threshold = np.insert(take, 0, 0), np.insert(threshold, 0, np.float32(1))
    return Sweep(threshold, num_correct[take], total_macs[take], num_leaving[take])
