"""Images of one's own: `train/<class>/*.png` and `test/<class>/*.png` in a folder, as torchvision's ImageFolder has it.

They are grey (one channel) if all of them are, otherwise RGB (three). What is read as what: docs/images.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from exitprune.data.datasets import Extent, Part, Source
from exitprune.data.image_files import Pixels, Size, decode
from exitprune.data.survey import Survey, survey
from exitprune.data.walk import SPLITS
from exitprune.errors import BadInput

LARGE = 64  # a side for which networks of this kind are made


def load(path: Path | None, size: Size | None) -> Source:
    """Read all images; classes in alphabetical order, images in the order of their file names.

    Raises:
        BadInput: if the folder, a part, or the images of a class are missing, if the parts have different classes, or
            if images cannot be read, or differ in size where none is given.
    """
    found = _survey(path)
    files = [image.path for split in SPLITS for image in found.files(split)]
    pixels = read_images(files, size)
    labels = [
        np.repeat(np.arange(len(part)), [len(images) for images in part.values()]) for part in found.images.values()
    ]
    border = len(labels[0])
    return Source(found.classes, Part(pixels[:border], labels[0]), Part(pixels[border:], labels[1]))


def extent(path: Path | None) -> Extent:
    """How many images there are, how large the largest is, and a digest of all; sizes are those of a sample.

    Raises:
        BadInput: as `load`, but for what decoding shows.
    """
    found = _survey(path)
    headers = found.headers()
    channels = max((channels for channels, _ in headers), default=3)
    height = max((height for _, (height, _) in headers), default=1)
    width = max((width for _, (_, width) in headers), default=1)
    return Extent(
        num_train=len(found.files("train")),
        num_test=len(found.files("test")),
        num_classes=len(found.classes),
        shape=(channels, height, width),
        digest=found.digest,
        remarks=tuple(found.remarks()),
    )


def read_images(files: Sequence[Path], size: Size | None = None) -> Pixels:
    """Decode images.

    Args:
        files: one or more.
        size: to bring each to; None: they must have one size.

    Returns:
        (N, C, H, W) uint8 in the order given; C is 1 if all are grey, else 3.

    Raises:
        BadInput: naming the first file that cannot be used.
    """
    # threads were no faster: small images spend their time in Python
    pixels: Pixels | None = None
    for number, file in enumerate(files):
        image = decode(file, file, size)
        if pixels is None:
            pixels = np.empty((len(files), 3 if image.ndim == 3 else 1, *image.shape[:2]), np.uint8)
        if image.shape[:2] != pixels.shape[2:]:
            raise BadInput(_sizes_differ(files[0], file, pixels.shape[2:], image.shape[:2]))
        if image.ndim == 3 and pixels.shape[1] == 1:
            pixels = np.repeat(pixels, 3, axis=1)
        pixels[number] = image if image.ndim == 2 else image.transpose(2, 0, 1)
    assert pixels is not None
    return pixels


def _survey(path: Path | None) -> Survey:
    if path is None:
        raise BadInput(
            "data.path: data.source folder needs the folder that has train/<class>/ and test/<class>/; none given"
        )
    return survey(path.expanduser())


def _sizes_differ(first: Path, other: Path, size: tuple[int, ...], other_size: tuple[int, ...]) -> str:
    side = min(*size, *other_size, LARGE)
    return (
        f"images of two sizes: {first} is {size[1]} x {size[0]}, {other} is {other_size[1]} x "
        f"{other_size[0]} pixels; set data.size, to {side} for example: then all are scaled and cropped to it"
    )
