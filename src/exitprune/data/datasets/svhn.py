"""Street View House Numbers: 73,257 + 26,032 colour images of 32 x 32, cropped digits; its `extra` part is left out.

Source: Netzer et al. 2011, Reading Digits in Natural Images with Unsupervised Feature Learning.
"""

from __future__ import annotations

from pathlib import Path

from exitprune.data.datasets import Extent, Part, Source
from exitprune.data.datasets._torchvision import obtain
from exitprune.data.image_files import Size


def load(path: Path | None, size: Size | None) -> Source:
    """Read `train_32x32.mat` and `test_32x32.mat` in the folder; downloads what is not there.

    Raises:
        BadInput: if the files are neither there nor can be downloaded, or are broken.
    """
    from torchvision.datasets import SVHN

    checksums = {file: md5 for _, file, md5 in (SVHN.split_list[split] for split in ("train", "test"))}
    train, test = obtain(
        "svhn", path, checksums, lambda root, train: SVHN(root, "train" if train else "test", download=True)
    )
    digits = tuple(str(digit) for digit in range(10))
    return Source(digits, Part(train.data, train.labels), Part(test.data, test.labels)).resized(size)


def extent(path: Path | None) -> Extent:
    """As published."""
    return Extent(73_257, 26_032, 10, (3, 32, 32))
