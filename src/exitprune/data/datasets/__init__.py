"""Where images come from, one file per source.

Contract of a file: `load(path)` takes the folder given as `data.path`, or None, and returns a `Source`: everything the
source has, in its own order. Dividing it, and computing anything from its pixels, is `splits`.

Letters: N images, C channels (1 or 3), H and W height and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Labelled images.

    Attributes:
        pixels: (N, C, H, W) uint8.
        labels: (N,) int64, counting the classes from 0.
    """

    pixels: Pixels
    labels: Labels

    def __post_init__(self) -> None:
        assert self.pixels.dtype == np.uint8
        assert self.pixels.ndim == 4
        assert self.labels.dtype == np.int64
        assert self.labels.shape == self.pixels.shape[:1]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> Part:
        """Some of the images, in the order of `index`."""
        return Part(self.pixels[index], self.labels[index])


@dataclass(frozen=True)
class Source:
    """A data set as it comes.

    Attributes:
        classes: names; a label is a place in this list.
        train: images to train on, or all there are.
        test: None where the source has no division of its own.
    """

    classes: tuple[str, ...]
    train: Part
    test: Part | None

    def __post_init__(self) -> None:
        for part in (self.train, self.test or self.train):
            assert part.pixels.shape[1:] == self.train.pixels.shape[1:]
            assert 0 <= part.labels.min() <= part.labels.max() < len(self.classes)
