"""What is worth deploying of each network: exits and thresholds, if nothing cheaper of it is as accurate on validation images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from exitprune.evaluation.candidates import Candidate, networks_of
from exitprune.evaluation.over_seeds import over_seeds
from exitprune.evaluation.study import Study

MOST = 40
"""Points of a network; `exitprune choose` knows all of them."""
RANGE = 0.1
"""Accuracy below the network's best that is left out."""


def table(study: Study) -> pd.DataFrame:
    """One row per network and point, rising in MACs; exits are those kept, with blanks between.

    `accuracy_lost` is on validation images, against the unpruned network of the same seed; `mean_accuracy` to `band` are over
    seeds, on test images. Rates are of the images that leave at each exit kept and at the classifier, with blanks between.
    """
    networks, rows = networks_of(study.records), []
    for network in networks:
        curve = network.front()
        for place in _spread(curve.num_correct, curve.num_images):
            point = curve.point(place)
            validation, test = (network.outcome(split, point) for split in ("validation", "test"))
            accuracy, _ = over_seeds(Candidate(network, point, None), networks, study.evaluate.confidence_level)
            rows.append(
                {
                    "recipe": network.recipe,
                    "seed": network.seed,
                    "state": network.state,
                    "name": network.name,
                    "precision": network.precision,
                    "exits": " ".join(map(str, point.exits)) or "none",
                    "threshold": point.threshold,
                    "validation_accuracy": point.accuracy,
                    "accuracy_lost": network.baseline / curve.num_images - point.accuracy,
                    "validation_macs": point.cost,
                    "test_accuracy": test.accuracy,
                    "test_macs": test.average_macs,
                    "mean_accuracy": accuracy.mean,
                    "low": accuracy.low,
                    "high": accuracy.high,
                    "band": accuracy.what,
                    "validation_rates": " ".join(f"{rate:.5g}" for rate in validation.exit_rate),
                    "test_rates": " ".join(f"{rate:.5g}" for rate in test.exit_rate),
                }
            )
    return pd.DataFrame(rows)


def _spread(num_correct: npt.NDArray[np.int64], num_images: int) -> list[int]:
    """Places of a front, the dearest among them, about as far from each other in accuracy."""
    near = np.flatnonzero(num_correct >= num_correct[-1] - RANGE * num_images)
    wanted = np.linspace(num_correct[near[0]], num_correct[-1], MOST)
    return sorted(set(np.searchsorted(num_correct, wanted).tolist()))
