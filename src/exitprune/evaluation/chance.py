"""Is a network better than guessing? What always answering the most frequent class gives is chance.

Letters: N images.
"""

from __future__ import annotations

import math

from torch import Tensor

NEAR = 0.1  # of the way from chance to no mistake


def chance(labels: Tensor) -> float:
    """Share of the most frequent class: the accuracy of always answering it.

    Args:
        labels: (N,), counting the classes from 0.
    """
    return float(labels.bincount().max()) / len(labels)


def warning_of_chance(accuracy: float, labels: Tensor, what: str) -> str | None:
    """A sentence where an accuracy is at or near chance; None: it is well above.

    Near is within a tenth of the way from chance to no mistake, or within two standard errors of so many images.

    Args:
        accuracy: a fraction.
        labels: (N,) of the images it was measured on.
        what: has this accuracy, such as "the base network".
    """
    guessed = chance(labels)
    error = math.sqrt(guessed * (1 - guessed) / len(labels))
    if accuracy > guessed + max(NEAR * (1 - guessed), 2 * error):
        return None
    return (
        f"{what} is at or near chance: {100 * accuracy:.1f} % of {len(labels)} images right, where always answering the "
        f"most frequent class gives {100 * guessed:.1f} %; what follows from it says little"
    )
