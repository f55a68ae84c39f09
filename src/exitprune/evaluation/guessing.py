"""What guessing would score on a study's test images, and whether its network does better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exitprune.data.chance import is_near


def chance(manifest: Mapping[str, Any]) -> float:
    """What one answer to every test image scores at best: the share of the most frequent class."""
    counts = list(map(int, manifest["counts"]["test"].values()))
    return max(counts) / sum(counts)


def is_near_chance(accuracy: float, manifest: Mapping[str, Any]) -> bool:
    """Whether an accuracy on the test images is hardly better than guessing."""
    return is_near(accuracy, chance(manifest), sum(map(int, manifest["counts"]["test"].values())))
