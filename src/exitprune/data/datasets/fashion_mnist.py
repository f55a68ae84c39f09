"""Fashion-MNIST: 60,000 + 10,000 grey images of 28 x 28, articles of clothing in 10 classes.

Source: Xiao et al. 2017, arXiv:1708.07747.
"""

from __future__ import annotations

from pathlib import Path

from exitprune.data.datasets import Extent, Part, Source
from exitprune.data.datasets._torchvision import obtain, place
from exitprune.data.image_files import Size
from exitprune.errors import BadInput


def load(path: Path | None, size: Size | None) -> Source:
    """Read the four files in `FashionMNIST/raw/` in the folder; downloads what is not there.

    Raises:
        BadInput: if the files are neither there nor can be downloaded, or are broken.
    """
    from torchvision.datasets import FashionMNIST

    checksums = {f"FashionMNIST/raw/{file}": md5 for file, md5 in FashionMNIST.resources}
    train, test = obtain(
        "fashion_mnist", path, checksums, lambda root, train: FashionMNIST(root, train=train, download=True)
    )
    parts = [Part(part.data[:, None].numpy(), part.targets.numpy()) for part in (train, test)]
    told = extent(None)
    if [len(part) for part in parts] != [told.num_train, told.num_test] or any(part.labels.max() > 9 for part in parts):
        raise BadInput(
            f"data.source fashion_mnist: the files in {place(path) / 'FashionMNIST/raw'} are not Fashion-MNIST's; move that"
            " folder away and run again with a network, or put a whole copy there"
        )
    return Source(tuple(FashionMNIST.classes), parts[0], parts[1]).resized(size)


def extent(path: Path | None) -> Extent:
    """As published."""
    return Extent(60_000, 10_000, 10, (1, 28, 28))
