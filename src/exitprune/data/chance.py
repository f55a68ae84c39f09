"""Is a network better than guessing? What always answering the most frequent class gives is chance.

Letters: N images.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the page does without torch
    from torch import Tensor

NEAR = 0.1  # of the way from chance to no mistake


def chance(labels: Tensor) -> float:
    """Share of the most frequent class: the accuracy of always answering it.

    Args:
        labels: (N,), counting the classes from 0.
    """
    return float(labels.bincount().max()) / len(labels)


def is_near(accuracy: float, guessed: float, num: int) -> bool:
    """Whether an accuracy is within a tenth of the way from chance to no mistake, or within two standard errors of chance.

    Args:
        accuracy, guessed: fractions; `guessed` is chance.
        num: images that the accuracy was measured on.
    """
    error = math.sqrt(guessed * (1 - guessed) / num)
    return accuracy <= guessed + max(NEAR * (1 - guessed), 2 * error)


def warning_of_chance(accuracy: float, labels: Tensor, what: str) -> str | None:
    """A sentence where an accuracy is at or near chance (see `is_near`); None: it is well above.

    Args:
        accuracy: a fraction.
        labels: (N,) of the images it was measured on.
        what: has this accuracy, such as "the base network".
    """
    guessed = chance(labels)
    if not is_near(accuracy, guessed, len(labels)):
        return None
    return (
        f"{what} is at or near chance: {100 * accuracy:.1f} % of {len(labels)} images right, where always answering the "
        f"most frequent class gives {100 * guessed:.1f} %; what follows from it says little"
    )
