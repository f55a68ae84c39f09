"""What a study is about, in words: its images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exitprune.evaluation.paper import CIFAR10
from exitprune.reporting.formatting import joined

SOURCES = {
    "digits": "handwritten digits (scikit-learn)",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "svhn": "SVHN",
    "fashion_mnist": "Fashion-MNIST",
}
CIFAR10_IMAGES = 60_000
NAMED = 3
"""Classes that stand in the name of images of one's own."""


def data_name(manifest: Mapping[str, Any]) -> str:
    """The images by the name people know; CIFAR-10 is recognised in a folder too, by its classes and their size.

    Images of one's own are named after their classes, since a folder may be called anything.
    """
    shape = (manifest["channels"], manifest["height"], manifest["width"])
    if manifest["source"] == "folder" and set(manifest["classes"]) == CIFAR10 and shape == (3, 32, 32):
        name = "CIFAR-10"
    elif manifest["source"] == "folder":
        shown, more = manifest["classes"][:NAMED], len(manifest["classes"]) - NAMED
        name = f"images of {joined([*shown, f'{more} more'] if more > 0 else shown)}"
    else:
        name = SOURCES.get(manifest["source"], manifest["source"])
    is_part = name == "CIFAR-10" and num_images(manifest) < CIFAR10_IMAGES
    return f"a part of {name}" if is_part else name


def split_sizes(manifest: Mapping[str, Any]) -> dict[str, int]:
    """How many images each split has."""
    return {split: sum(by_class.values()) for split, by_class in manifest["counts"].items()}


def num_images(manifest: Mapping[str, Any]) -> int:
    """Of all splits together."""
    return sum(split_sizes(manifest).values())
