from __future__ import annotations

import numpy as np
import pytest

from exitprune.data import nearest
from exitprune.data.datasets import Part
from exitprune.data.nearest import nearest_neighbour


def part(*images: tuple[int, int]) -> Part:
    """Images of one pixel and a class each."""
    pixels, labels = zip(*images, strict=True)
    return Part(np.array(pixels, np.uint8).reshape(-1, 1, 1, 1), np.array(labels, np.int64))


def test_the_nearest_training_image_says_the_class() -> None:
    parts = {"train": part((0, 0), (255, 1)), "test": part((100, 0), (200, 1), (10, 1), (250, 1))}
    assert nearest_neighbour(parts) == 0.75


def test_differences_of_bytes_do_not_wrap() -> None:
    assert nearest_neighbour({"train": part((0, 0), (128, 1)), "test": part((255, 1))}) == 1


def test_it_is_left_out_where_there_are_too_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "LARGEST", 1)
    assert nearest_neighbour({"train": part((0, 0), (128, 1)), "test": part((255, 1))}) is None
