"""Calibration: is an exit as often right as it is confident? And the temperature per exit that makes it so.

Works on logits; temperatures are fitted on validation and reported on test. They do not change any exit's answer, only
its confidence, and so who leaves.

Letters: E exits, N images, K classes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from exitprune.evaluation.exiting import confidence_of

NUM_BINS = 15
NUM_FOLDS = 5


def calibration_error(confidence: Tensor, correct: Tensor, num_bins: int = NUM_BINS) -> float:
    """Expected calibration error: the gap between confidence and accuracy, averaged over bins by their images.

    sum over bins of |bin| / N * |mean confidence - accuracy|, bins (k / B, (k + 1) / B] for k = 0 .. B - 1.

    Args:
        confidence: (N,), in (0, 1].
        correct: (N,) bool.
        num_bins: B.

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    bins = (confidence.double() * num_bins).ceil().long() - 1
    gaps = torch.zeros(num_bins, dtype=torch.float64)
    gaps.index_add_(0, bins, confidence.double() - correct.double())
    return float(gaps.abs().sum() / len(confidence))


def fit_temperatures(logits: Tensor, labels: Tensor) -> list[float]:
    """The temperature of each exit that makes the labels most likely: logits / temperature.

    Args:
        logits: (E, N, K), of validation images.
        labels: (N,).

    Source: Guo et al. 2017, arXiv:1706.04599.
    """
    return [_fit_temperature(exit_logits.double(), labels) for exit_logits in logits]


def _fit_temperature(logits: Tensor, labels: Tensor) -> float:
    scores = logits - logits.gather(1, labels[:, None])  # (N, K), 0 for the right class

    def loss(log_sharpness: float) -> float:
        return float((scores * math.exp(log_sharpness)).logsumexp(1).mean())

    # One valley: the loss is convex in the sharpness 1 / temperature. Perfect exits would go on to infinity.
    return math.exp(-minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-6}).x)


@dataclass(frozen=True)
class Temperature:
    """The temperature of an exit, and whether it does any good on images it was not fitted on.

    Attributes:
        fitted: on all images.
        error_without, error_with: calibration error of held-out images, as they are and with a temperature fitted on the
            others.
    """

    fitted: float
    error_without: float
    error_with: float

    @property
    def helps(self) -> bool:
        """Whether it makes held-out images better calibrated."""
        return self.error_with < self.error_without


def tried_temperatures(logits: Tensor, labels: Tensor) -> list[Temperature]:
    """The temperature of each exit, tried on held-out images: each fifth of them with one fitted on the other four.

    Args:
        logits: (E, N, K), of validation images.
        labels: (N,).
    """
    num_folds = min(NUM_FOLDS, len(labels))
    fold = torch.arange(len(labels)) % num_folds
    held_out = torch.empty_like(logits)
    for number in range(num_folds):
        inside = fold == number
        others = ~inside if len(labels) > 1 else inside
        held_out[:, inside] = scaled(logits[:, inside], fit_temperatures(logits[:, others], labels[others]))
    correct = logits.argmax(-1) == labels  # (E, N), at any temperature
    errors = [
        [calibration_error(confidence_of(one), right) for one, right in zip(some, correct, strict=True)]
        for some in (logits, held_out)
    ]
    return list(itertools.starmap(Temperature, zip(fit_temperatures(logits, labels), *errors, strict=True)))


def scaled(logits: Tensor, temperatures: Sequence[float]) -> Tensor:
    """(E, N, K) logits divided by the temperature of their exit."""
    largest = torch.finfo(logits.dtype).max  # a network that has run away, divided by a small temperature
    return (logits / torch.tensor(temperatures, dtype=logits.dtype).reshape(-1, 1, 1)).clamp(-largest, largest)


def calibration(logits: Tensor, labels: Tensor, temperatures: Sequence[float]) -> dict[str, list[float]]:
    """How well each exit is calibrated on some images.

    Args:
        logits: (E, N, K), as they are.
        labels: (N,).
        temperatures: E, of other images than these, or ones.

    Returns:
        Lists of a value per exit: temperature, mean_confidence, overconfidence (confidence - accuracy; above 0 where the exit
        promises too much), calibration_error.
    """
    confidence = confidence_of(scaled(logits, temperatures))  # (E, N)
    correct = logits.argmax(-1) == labels
    mean = confidence.double().mean(-1)
    return {
        "temperature": list(temperatures),
        "mean_confidence": mean.tolist(),
        "overconfidence": (mean - correct.double().mean(-1)).tolist(),
        "calibration_error": [calibration_error(*exit_) for exit_ in zip(confidence, correct, strict=True)],
    }
