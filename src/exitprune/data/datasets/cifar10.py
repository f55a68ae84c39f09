"""CIFAR-10: 50,000 + 10,000 colour images of 32 x 32 in 10 classes.

However a copy came, as published or as image files, the images are put into one order, that of their digests: equal images are
then divided and shuffled equally everywhere.

Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from exitprune.data.datasets import Extent, Part, Source, folder
from exitprune.data.datasets._torchvision import load_cifar, place
from exitprune.data.image_files import Size
from exitprune.errors import BadInput

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SHA256 = "ffdd06cdb76e4e754e006cf33f4e84d88893a9c00167fff39f4c823974690268"
"""Of all images and labels in the order given here, those to train on first."""


def load(path: Path | None, size: Size | None) -> Source:
    """Read `cifar-10-batches-py/`, `cifar-10-python.tar.gz`, or `train/<class>/` and `test/<class>/` in the folder.

    Downloads the archive if none is there.

    Raises:
        BadInput: if the files are neither there nor can be downloaded, are broken, or image files are not CIFAR-10's.
    """
    where = place(path)
    as_published = any((where / name).exists() for name in ("cifar-10-batches-py", "cifar-10-python.tar.gz"))
    if as_published or not (where / "train").is_dir():
        return in_order(load_cifar("cifar10", "CIFAR10", path)).resized(size)
    source = in_order(folder.load(where, None))
    if source.classes != CLASSES or digest(source) != SHA256:
        raise BadInput(
            f"data.source cifar10: {where} has other images than CIFAR-10, in {len(source.classes)} classes; put a whole copy"
            " there, or use it as it is with data.source: folder"
        )
    return source.resized(size)


def extent(path: Path | None) -> Extent:
    """As published."""
    return Extent(50_000, 10_000, 10, (3, 32, 32))


def in_order(source: Source) -> Source:
    """The images of each part in the order of their digests; of equal ones, in that of their labels."""
    assert source.test is not None
    return Source(source.classes, _in_order(source.train), _in_order(source.test))


def _in_order(part: Part) -> Part:
    keys = [(hashlib.sha256(image).digest(), label) for image, label in zip(part.pixels, part.labels, strict=True)]
    return part.take(np.array(sorted(range(len(keys)), key=keys.__getitem__)))


def digest(source: Source) -> str:
    """SHA-256 of all images and labels."""
    assert source.test is not None
    arrays = [array for part in (source.train, source.test) for array in (part.pixels, part.labels)]
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()
