"""Handwritten digits that ship inside scikit-learn: 1,797 grey images of 8 x 8; nothing is downloaded.

Source: Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits (test part), UCI Machine Learning
Repository.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from exitprune.data.datasets import Extent, Part, Source
from exitprune.data.image_files import Size
from exitprune.errors import BadInput

SHEETS = (0, 130, 256, 386, 516, 646, 776, 906, 1029, 1157, 1287, 1415, 1545, 1667)
"""Where each writer's sheet begins: everybody copied the same rows of digits, so the labels repeat. The source speaks of
thirteen writers; these are fourteen sheets, so somebody may have filled two."""
BRIGHTEST = 16  # pixels count the dots set in a cell of 4 x 4


def load(path: Path | None, size: Size | None) -> Source:
    """All images; the source has no division of its own.

    Raises:
        BadInput: if a path is given.
    """
    from sklearn.datasets import load_digits  # takes seconds

    _refuse_path(path)
    digits = load_digits()
    pixels = np.rint(digits.images * (255 / BRIGHTEST)).astype(np.uint8)  # (N, H, W)
    names = tuple(str(name) for name in digits.target_names)
    writers = np.searchsorted(SHEETS, np.arange(len(pixels)), side="right")
    return Source(names, Part(pixels[:, None], digits.target.astype(np.int64), writers), None).resized(size)


def extent(path: Path | None) -> Extent:
    """All images; which are for test, `data.test` says.

    Raises:
        BadInput: if a path is given.
    """
    _refuse_path(path)
    return Extent(1797, 0, 10, (1, 8, 8))


def _refuse_path(path: Path | None) -> None:
    if path is not None:
        raise BadInput(f"data.path: {path} was given, but digits come with scikit-learn; leave data.path at null")
