"""The nearest neighbour: what comparing pixels achieves, which a network has to beat before its accuracy means anything."""

from __future__ import annotations

from collections.abc import Mapping

from exitprune.data.datasets import Part

LARGEST = 5_000  # images to compare with: what a second is enough for


def nearest_neighbour(parts: Mapping[str, Part]) -> float | None:
    """Share of test images that are of the class of the nearest training image, by squared differences of pixels.

    Args:
        parts: what `divide` gives.

    Returns:
        None: not computed, for there are too many images.
    """
    train, test = parts["train"], parts["test"]
    if max(len(train), len(test)) > LARGEST:
        return None
    from sklearn.neighbors import NearestNeighbors  # takes a second

    found = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train.pixels.reshape(len(train), -1))
    nearest = found.kneighbors(test.pixels.reshape(len(test), -1), return_distance=False)[:, 0]
    return float((train.labels[nearest] == test.labels).mean())
