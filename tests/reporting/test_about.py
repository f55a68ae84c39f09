"""What a study is about, in words."""

from __future__ import annotations

from typing import Any

import pytest

from exitprune.evaluation.guessing import chance, is_near_chance
from exitprune.evaluation.paper import CIFAR10
from exitprune.reporting.about import data_name


def manifest(
    source: str = "folder", classes: set[str] = CIFAR10, side: int = 32, train: int = 50_000
) -> dict[str, Any]:
    counts = {"train": {"cat": train}, "validation": {}, "test": {"cat": 4_000, "dog": 6_000}}
    return {
        "source": source,
        "classes": sorted(classes),
        "channels": 3,
        "height": side,
        "width": side,
        "counts": counts,
    }


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (manifest(), "CIFAR-10"),
        (manifest(train=2_000), "a part of CIFAR-10"),
        (manifest("cifar10"), "CIFAR-10"),
        (manifest(side=64), "images of airplane, automobile, bird and 7 more"),
        (manifest(classes={"cat", "dog"}), "images of cat and dog"),
        (manifest("fashion_mnist"), "Fashion-MNIST"),
        (manifest("something new"), "something new"),
    ],
)
def test_images_have_the_name_that_people_know(given: dict[str, Any], name: str) -> None:
    assert data_name(given) == name


def test_chance_is_the_share_of_the_most_frequent_class() -> None:
    assert chance(manifest()) == 0.6


def test_hardly_better_than_chance_is_near_it() -> None:
    assert is_near_chance(0.62, manifest())
    assert not is_near_chance(0.70, manifest())
    few = {**manifest(), "counts": {"train": {}, "validation": {}, "test": {"cat": 12, "dog": 12}}}
    assert is_near_chance(0.69, few)  # two standard errors of 24 images are 20 points
