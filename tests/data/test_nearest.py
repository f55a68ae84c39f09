from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from exitprune.config.data import DataSource
from exitprune.data import nearest
from exitprune.data.datasets import Part, digits
from exitprune.data.nearest import nearest_neighbour
from exitprune.data.splits import divide


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


@pytest.mark.parametrize(("division", "told"), [("images", 0.981), ("makers", 0.948)])
def test_digits_are_harder_of_writers_that_are_not_known(division: Literal["images", "makers"], told: float) -> None:
    data = DataSource(source="digits", validation=0.2, test=0.3, limit=None, seed=0, division=division)
    assert nearest_neighbour(divide(digits.load(None, None), data)) == pytest.approx(told, abs=0.0006)
