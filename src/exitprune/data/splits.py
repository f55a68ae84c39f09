"""Divide the images of a source into train, validation and test, and say in a manifest what came out.

Nothing is computed from validation or test pixels but a checksum. Letters as in `datasets`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.utils import resample

from exitprune.config.data import DataSource
from exitprune.data.datasets import Labels, Part, Source
from exitprune.data.image_files import Pixels
from exitprune.errors import BadInput


def divide(source: Source, data: DataSource) -> dict[str, Part]:
    """Train, validation and test, each stratified by class, images in the order of the source.

    `limit` is applied before the validation part is held back: train and validation together have that many images.

    Args:
        source: its own test part is kept; without one, `data.test` of all images become it.
        data: shares, limit and seed.

    Raises:
        BadInput: if a class has too few images to be in every part, or nobody knows who made the images.
    """
    train, test = source.train, source.test
    by_maker = data.division == "makers"
    if by_maker and train.makers is None:
        raise BadInput(
            f"data.division: makers: {data.source} does not say who made its images; of the sources, digits does; use"
            " images, or put each maker's images into train/ or test/ yourself"
        )
    if test is None:
        train, test = _hold_back(train, data.test, "data.test", source.classes, data.seed, by_maker)
    if data.limit is not None:
        train = _limited(train, data.limit, source.classes, data.seed)
        test = _limited(test, data.limit, source.classes, data.seed)
    train, validation = _hold_back(train, data.validation, "data.validation", source.classes, data.seed, by_maker)
    return {"train": train, "validation": validation, "test": test}


def describe(name: str, classes: tuple[str, ...], parts: Mapping[str, Part]) -> dict[str, Any]:
    """The manifest: what the arrays are, and the channel statistics every network is given.

    Args:
        name: of the source.
        classes: names, in the order of the labels.
        parts: what `divide` returned.

    Raises:
        BadInput: if all training pixels of an image's channels have one value.
    """
    mean, std = channel_statistics(parts["train"].pixels)
    if not any(std):
        raise BadInput(f"data.source {name}: all training pixels have one value; nothing to learn from")
    channels, height, width = parts["train"].pixels.shape[1:]
    return {
        "source": name,
        "sha256": checksum(parts),
        "classes": list(classes),
        "counts": {
            split: dict(zip(classes, _counts(part.labels, classes), strict=True)) for split, part in parts.items()
        },
        "mean": mean,
        "std": std,
        "height": height,
        "width": width,
        "channels": channels,
    }


def channel_statistics(pixels: Pixels) -> tuple[list[float], list[float]]:
    """Mean and deviation of each channel in units of the full range, from counts, so that images are not summed in any order.

    Args:
        pixels: (N, C, H, W).

    Returns:
        C means and C deviations (divided by the number of pixels, not one less).
    """
    values = np.arange(256) / 255
    shares = [np.bincount(channel.ravel(), minlength=256) / channel.size for channel in pixels.swapaxes(0, 1)]
    means = [float(share @ values) for share in shares]
    deviations = [math.sqrt(share @ (values - mean) ** 2) for share, mean in zip(shares, means, strict=True)]
    return means, [0.0 if share.max() == 1 else std for share, std in zip(shares, deviations, strict=True)]


def checksum(parts: Mapping[str, Part]) -> str:
    """SHA-256 of all arrays, their shapes and types, in the order given."""
    digest = hashlib.sha256()
    for split, part in parts.items():
        for name, array in (("pixels", part.pixels), ("labels", part.labels)):
            digest.update(f"{split}_{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _hold_back(
    part: Part, share: float, key: str, classes: tuple[str, ...], seed: int, by_maker: bool
) -> tuple[Part, Part]:
    """What stays and what is held back; of makers, their share is meant."""
    if by_maker:
        num = len(np.unique(np.asarray(part.makers)))
        if math.ceil(share * num) >= num:
            raise BadInput(f"{key} {share:g} of {num} makers leaves none of them; give less")
        division = GroupShuffleSplit(1, test_size=share, random_state=seed)
        kept, held = next(division.split(part.labels, groups=part.makers))
        for index in (kept, held):
            _require(part.take(index), len(index), f"{key} {share:g}", classes)
        return part.take(kept), part.take(held)
    num_held = round(share * len(part))
    _require(part, min(num_held, len(part) - num_held), f"{key} {share:g}", classes)
    kept, held = train_test_split(np.arange(len(part)), test_size=num_held, random_state=seed, stratify=part.labels)
    return part.take(np.sort(kept)), part.take(np.sort(held))


def _limited(part: Part, limit: int, classes: tuple[str, ...], seed: int) -> Part:
    if limit >= len(part):
        return part
    _require(part, limit, f"data.limit {limit}", classes)
    index: NDArray[np.int64] = resample(
        np.arange(len(part)), replace=False, n_samples=limit, stratify=part.labels, random_state=seed
    )
    return part.take(np.sort(index))


def _require(part: Part, size: int, setting: str, classes: tuple[str, ...]) -> None:
    """Refuse a stratified choice of `size` images that need not have one of every class."""
    counts = _counts(part.labels, classes)
    rarest = int(np.argmin(counts))
    if counts[rarest] * size < len(part):
        needed = f"at least {math.ceil(len(part) / size)} of each" if size else "more images"
        raise BadInput(
            f"{setting}: class {classes[rarest]!r} has {counts[rarest]} of {len(part)} images, too few to be in every "
            f"part, which takes {needed}; add images, remove the class, or change {setting.split()[0]}"
        )


def _counts(labels: Labels, classes: tuple[str, ...]) -> list[int]:
    counts: list[int] = np.bincount(labels, minlength=len(classes)).tolist()
    return counts
