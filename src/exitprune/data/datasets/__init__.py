"""Where images come from, one file per source.

Contract of a file, with the folder given as `data.path`, or None:

    load(path, size)   a `Source`: everything there is, in its own order, brought to `data.size` if that is not None
    extent(path)       an `Extent`: what can be said before pixels are read; asked often, so quick

Dividing a source, and computing anything from its pixels, is `splits`.

Letters: N images, C channels (1 or 3), H and W height and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exitprune.data.image_files import Pixels, Size, fit

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Labelled images.

    Attributes:
        pixels: (N, C, H, W) uint8.
        labels: (N,) int64, counting the classes from 0.
        makers: (N,) int64, who made each image (wrote it, took it), where the source knows; they are told apart, not named.
    """

    pixels: Pixels
    labels: Labels
    makers: Labels | None = None

    def __post_init__(self) -> None:
        assert self.pixels.dtype == np.uint8
        assert self.pixels.ndim == 4
        assert self.labels.dtype == np.int64
        assert self.labels.shape == self.pixels.shape[:1]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.int64]) -> Part:
        """Some of the images, in the order of `index`."""
        return Part(self.pixels[index], self.labels[index], None if self.makers is None else self.makers[index])


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

    def resized(self, size: Size | None) -> Source:
        """Every image scaled and cropped to (height, width), as image files are; as it is for None."""
        if size is None or self.train.pixels.shape[2:] == size:
            return self
        return Source(self.classes, _resized(self.train, size), self.test and _resized(self.test, size))


@dataclass(frozen=True)
class Extent:
    """What a source has, before pixels are read.

    Attributes:
        shape: channels, height and width, of the largest image where they differ.
        digest: of the content; None where published checksums, or the package, say what it is.
        remarks: what a person should know of the files, one line each.
    """

    num_train: int
    num_test: int
    num_classes: int
    shape: tuple[int, int, int]
    digest: str | None = None
    remarks: tuple[str, ...] = ()


def _resized(part: Part, size: Size) -> Part:
    images = (
        part.pixels.transpose(0, 2, 3, 1).squeeze(-1)
        if part.pixels.shape[1] == 1
        else part.pixels.transpose(0, 2, 3, 1)
    )
    fitted = np.stack([np.asarray(fit(Image.fromarray(image), size)) for image in images])
    return Part(
        fitted[:, None] if fitted.ndim == 3 else np.ascontiguousarray(fitted.transpose(0, 3, 1, 2)),
        part.labels,
        part.makers,
    )
