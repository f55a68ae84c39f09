"""CIFAR-100: 50,000 + 10,000 colour images of 32 x 32 in 100 classes.

Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
"""

from __future__ import annotations

from pathlib import Path

from exitprune.data.datasets import Extent, Source
from exitprune.data.datasets._torchvision import load_cifar
from exitprune.data.image_files import Size


def load(path: Path | None, size: Size | None) -> Source:
    """Read `cifar-100-python/` or `cifar-100-python.tar.gz` in the folder; downloads the latter if neither is there.

    Raises:
        BadInput: if the files are neither there nor can be downloaded, or are broken.
    """
    return load_cifar("cifar100", "CIFAR100", path).resized(size)


def extent(path: Path | None) -> Extent:
    """As published."""
    return Extent(50_000, 10_000, 100, (3, 32, 32))
