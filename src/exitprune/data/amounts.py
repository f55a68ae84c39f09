"""How much a study's images come to, told before their pixels are read."""

from __future__ import annotations

from pathlib import Path

from exitprune.config.params import Data
from exitprune.data.datasets import Extent
from exitprune.jobs.disk import Amount
from exitprune.variants import variant


def extent_of(data: Data) -> Extent:
    """What the source has.

    Raises:
        BadInput: if it is a folder that cannot be used.
    """
    extent: Extent = variant("datasets", data.source).extent(Path(data.path) if data.path else None)
    return extent


def amount_of(data: Data, extent: Extent) -> Amount:
    """The same in the size in which networks see it."""
    height, width = data.size or extent.shape[1:]
    return Amount(
        num_images=extent.num_train + extent.num_test,
        num_test=extent.num_test,
        num_classes=extent.num_classes,
        shape=(extent.shape[0], height, width),
    )
