"""What the sources backed by torchvision share: where files are kept, and what is said when they cannot be had.

torchvision compares downloads with published checksums, and downloads again what does not match; what it finds unpacked it
takes as it is. It is imported only in the functions, because importing it takes seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from exitprune.data.datasets import Part, Source
from exitprune.errors import BadInput

# torchvision says with any of these that files are missing, broken or not to be had
TROUBLE = (OSError, RuntimeError, ValueError, AssertionError, KeyError)


def place(path: Path | None) -> Path:
    """The folder that has the data set, or where it is downloaded to.

    Raises:
        BadInput: if a folder is given that does not exist.
    """
    if path is None:
        return Path(os.environ.get("EXITPRUNE_DATA") or "~/.cache/exitprune").expanduser()
    if not path.expanduser().is_dir():
        raise BadInput(f"data.path: there is no folder {path}; make it, or leave data.path at null for the usual place")
    return path.expanduser()


def obtain(
    name: str, path: Path | None, checksums: Mapping[str, str], make: Callable[[Path, bool], Any]
) -> tuple[Any, Any]:
    """Train and test part as torchvision makes them, downloaded if they are not there.

    Args:
        name: of the source.
        path: `data.path`.
        checksums: MD5 by file, below the folder; any that exists is checked when something fails.
        make: from folder and "is it the train part" to torchvision's data set.

    Raises:
        BadInput: if the files are neither there nor can be downloaded, or are broken.
    """
    from torchvision.datasets.utils import check_integrity

    where = place(path)
    try:
        where.mkdir(parents=True, exist_ok=True)
        return make(where, True), make(where, False)
    except TROUBLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        files = {where / file: md5 for file, md5 in checksums.items()}
        broken = [file for file, md5 in files.items() if file.exists() and not check_integrity(file, md5)]
        if broken:
            raise BadInput(
                f"data.source {name}: {broken[0]} fails its published checksum and no download replaced it ({reason}); "
                "move it away and run again with a network, or put a whole copy in its place"
            ) from None
        if unpacked := [
            file.with_suffix("") for file in files if file.suffix == ".gz" and file.with_suffix("").exists()
        ]:
            raise BadInput(
                f"data.source {name}: {unpacked[0]} or one beside it is not whole ({reason}); move what is unpacked there away"
                " and run again: it is taken before archives are"
            ) from None
        wanted = next(iter(files))
        raise BadInput(
            f"data.source {name}: neither found whole in {where} nor downloaded ({reason}); "
            f"put {wanted.name} into {wanted.parent}, or name the folder that has it in data.path or $EXITPRUNE_DATA"
        ) from None


def load_cifar(name: str, class_name: str, path: Path | None) -> Source:
    """CIFAR-10 and CIFAR-100, which torchvision reads alike.

    Args:
        name: of the source.
        class_name: of torchvision's class.
        path: `data.path`.

    Raises:
        BadInput: if the files are neither there nor can be downloaded, or are broken.
    """
    import torchvision.datasets

    cifar = getattr(torchvision.datasets, class_name)
    checksums = {cifar.filename: cifar.tgz_md5}
    checksums |= {f"{cifar.base_folder}/{file}": md5 for file, md5 in cifar.train_list + cifar.test_list}
    train, test = obtain(name, path, checksums, lambda root, train: cifar(root, train=train, download=True))
    parts = [
        Part(np.ascontiguousarray(part.data.transpose(0, 3, 1, 2)), np.asarray(part.targets, np.int64))
        for part in (train, test)
    ]
    return Source(tuple(train.classes), parts[0], parts[1])
