from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from exitprune.data.datasets import digits
from exitprune.errors import BadInput


def test_digits_are_1797_grey_images_without_a_test_part() -> None:
    source = digits.load(None, None)
    assert source.train.pixels.shape == (1797, 1, 8, 8)
    assert source.test is None
    assert source.classes == tuple("0123456789")
    assert source.train.labels.tolist() == load_digits().target.tolist()


def test_the_17_grey_values_fill_the_range_and_can_be_turned_back() -> None:
    pixels = digits.load(None, None).train.pixels
    assert np.unique(pixels).tolist() == [round(255 * dots / 16) for dots in range(17)]
    assert (np.rint(pixels[:, 0] / 255 * 16) == load_digits().images).all()


def test_a_path_for_digits_is_refused() -> None:
    with pytest.raises(BadInput, match=r"data\.path: somewhere was given, but digits come with scikit-learn"):
        digits.load(Path("somewhere"), None)
