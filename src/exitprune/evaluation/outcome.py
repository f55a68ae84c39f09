"""What one threshold gives on a set of images, from their outcomes; nothing here needs torch.

Letters: E exits, N images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from exitprune.evaluation.records import Outcomes


@dataclass(frozen=True)
class Outcome:
    """What a threshold gives on a set of images.

    `milliseconds` are the average per image, None where no exit was timed; `accuracy_lost` is against nobody leaving early.
    """

    accuracy: float
    accuracy_lost: float
    average_macs: float
    exit_rate: list[float]
    milliseconds: float | None


def outcome_of(outcomes: Outcomes, threshold: float, milliseconds: Sequence[float] | None = None) -> Outcome:
    """What a threshold gives.

    Args:
        outcomes: of the images.
        threshold: an image leaves at the first exit whose confidence exceeds it, at the last one if none does.
        milliseconds: of leaving at each exit, E.
    """
    num_exits, num_images = outcomes.confidence.shape
    exits = exits_taken(outcomes, threshold)
    leaving = exits == np.arange(num_exits)[:, None]  # (E, N)
    num_leaving = leaving.sum(1)
    exit_rate = num_leaving / num_images
    macs_there = (leaving * outcomes.macs).sum(1) / num_leaving.clip(1)  # average of those that leave there
    right = float(outcomes.correct[exits, np.arange(num_images)].mean())
    return Outcome(
        accuracy=right,
        accuracy_lost=float(outcomes.correct[-1].mean()) - right,
        average_macs=float(np.dot(exit_rate, macs_there)),
        exit_rate=exit_rate.tolist(),
        milliseconds=None if milliseconds is None else float(np.dot(exit_rate, milliseconds)),
    )


def exits_taken(outcomes: Outcomes, threshold: float) -> npt.NDArray[np.int64]:
    """The exit that each image leaves at, (N,)."""
    leaves = outcomes.confidence > np.float32(threshold)  # (E, N)
    leaves[-1] = True
    exits: npt.NDArray[np.int64] = leaves.argmax(axis=0)
    return exits


def midway(lowest: np.float32, above: np.float32) -> float:
    """A threshold between two confidences, as far from both as single precision allows; the lower one if nothing is between.

    At a confidence itself, rounding in another runtime would decide who leaves.
    """
    middle = np.float32((float(lowest) + float(above)) / 2)
    return float(middle if middle < above else lowest)
