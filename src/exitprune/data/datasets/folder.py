"""Images of one's own: `train/<class>/*.png` and `test/<class>/*.png` in a folder, as torchvision's ImageFolder has it.

All images have one size. They are grey (one channel) if all of them are, otherwise RGB (three). Nothing is resized.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from exitprune.data.datasets import Part, Pixels, Source
from exitprune.errors import BadInput

ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")  # as ImageFolder
CONVERT = {"L": "L", "1": "L", "RGB": "RGB", "P": "RGB"}  # the others lose something when made 8-bit grey or RGB


def load(path: Path | None) -> Source:
    """Read all images; classes in alphabetical order, images in the order of their file names.

    Raises:
        BadInput: if the folder, a part, or the images of a class are missing, if the parts have different classes, or
            if images cannot be read or differ in size.
    """
    if path is None:
        raise BadInput(
            "data.path: data.source folder needs the folder that has train/<class>/ and test/<class>/; none given"
        )
    root = path.expanduser()
    train, test = find_files(root / "train"), find_files(root / "test")
    if train.keys() != test.keys():
        odd = sorted(train.keys() ^ test.keys())[0]
        has, lacks = ("train", "test") if odd in train else ("test", "train")
        raise BadInput(f"{root}: class {odd!r} is in {has}/ but not in {lacks}/; both need the same class folders")
    files = [list(chain(*part.values())) for part in (train, test)]
    pixels = read_images(files[0] + files[1])
    labels = [np.repeat(np.arange(len(part)), [len(f) for f in part.values()]) for part in (train, test)]
    border = len(files[0])
    return Source(tuple(train), Part(pixels[:border], labels[0]), Part(pixels[border:], labels[1]))


def find_files(folder: Path) -> dict[str, list[Path]]:
    """The image files of each class, both in alphabetical order; hidden files and other endings are passed over.

    Raises:
        BadInput: if the folder is missing, has no class folders, or one of them has no images.
    """
    if not folder.is_dir():
        raise BadInput(
            f"data.path: there is no folder {folder}; wanted: {folder.name}/<class>/, with the images of each class"
        )
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise BadInput(f"{folder}: has no class folders; wanted: {folder.name}/<class>/, with the images of each class")
    files = {name: sorted(file for file in (folder / name).rglob("*") if _is_image(file)) for name in names}
    for name in names:
        if not files[name]:
            raise BadInput(
                f"{folder / name}: has no images; put some there ({', '.join(ENDINGS)}) or remove the folder"
            )
    return files


def read_images(files: Sequence[Path]) -> Pixels:
    """Decode images of one size.

    Returns:
        (N, C, H, W) uint8 in the order given; C is 1 if all are grey, else 3.

    Raises:
        BadInput: naming the first file that cannot be used.
    """
    # threads were no faster: small images spend their time in Python
    images = [decode(file, file) for file in files]
    sizes = [f"{image.shape[1]} x {image.shape[0]}" for image in images]
    for file, size in zip(files, sizes, strict=True):
        if size != sizes[0]:
            raise BadInput(
                f"images of two sizes: {files[0]} is {sizes[0]}, {file} is {size} pixels; all must have one size"
            )
    if all(image.ndim == 2 for image in images):
        return np.stack(images)[:, None]
    return np.stack([image if image.ndim == 3 else np.stack([image] * 3, 2) for image in images]).transpose(0, 3, 1, 2)


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in ENDINGS and not file.name.startswith(".") and file.is_file()


def decode(file: Path | BinaryIO, name: object) -> Pixels:
    """One image as it is stored.

    Args:
        file: where it is.
        name: what to call it in an error.

    Returns:
        (H, W) if grey, else (H, W, 3).

    Raises:
        BadInput: if it cannot be read, or would lose something as 8-bit grey or RGB.
    """
    try:
        with Image.open(file) as image:
            image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadInput(f"{name}: cannot be read as an image ({error}); replace it or move it away") from None
    if image.mode not in CONVERT or image.has_transparency_data:
        transparent = ", with transparency" if image.has_transparency_data else ""
        raise BadInput(f"{name}: is of mode {image.mode}{transparent}; wanted: 8-bit grey or RGB without transparency")
    return np.asarray(image.convert(CONVERT[image.mode]))
