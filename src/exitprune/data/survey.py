"""What a folder of images holds, before any is decoded: which files are read as which class, what is passed over, and why.

A folder is known by the content of what is read: split, class and bytes of each image in the order they are read. Its
path, hidden files and whatever else is passed over do not count, and links count as what they lead to.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

from exitprune.data.digests import Digests
from exitprune.data.image_files import Size, header, is_image
from exitprune.data.walk import SPLITS, Found, Walk, readable
from exitprune.errors import BadInput, plain

SAMPLE = 64  # images whose headers tell the size of all, to estimate by


@dataclass(frozen=True)
class Survey:
    """What there is.

    Attributes:
        root: the folder.
        images: by split and class, both in the order they are read in.
        passed_over: paths below the root, by reason.
    """

    root: Path
    images: Mapping[str, Mapping[str, list[Found]]]
    passed_over: Mapping[str, list[str]]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names, in alphabetical order."""
        return tuple(self.images["train"])

    def files(self, split: str) -> list[Found]:
        """Of all classes, in the order of the classes."""
        return list(chain(*self.images[split].values()))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is read: split, class and content, in order."""
        digest = hashlib.sha256()
        for split, classes in self.images.items():
            for name, found in classes.items():
                digest.update(f"{split}/{name}\n".encode())
                digest.update("".join(image.digest + "\n" for image in found).encode())
        return digest.hexdigest()

    def headers(self) -> list[tuple[int, Size]]:
        """Channels and size of some images, evenly spread over all."""
        files = self.files("train") + self.files("test")
        some = files[:: max(1, len(files) // SAMPLE)]
        return [found for image in some if (found := header(image.path)) is not None]

    def remarks(self) -> list[str]:
        """One line each on what was passed over and on images that are there more than once, where there are any."""
        lines = []
        if self.passed_over:
            parts = [f"{why}: {len(names)} (first: {plain(names[0])})" for why, names in self.passed_over.items()]
            lines.append(f"{self.root}: passed over: {', '.join(parts)}")
        where = {split: {image.digest: image.path for image in self.files(split)} for split in SPLITS}
        if copies := list(self._copies()):
            again, one = copies[0]
            lines.append(
                f"{self.root}: images that are in a class of train/ again, so that validation may hold what is trained on: "
                f"{len(copies)} (first: {self._below(again)} is {self._below(one)})"
            )
        shared = where["train"].keys() & where["test"].keys()
        if shared:
            both = sorted((where["test"][digest], where["train"][digest]) for digest in shared)[0]
            lines.append(
                f"{self.root}: images in test/ and in train/ alike, so that the test accuracy flatters: {len(shared)} (first: "
                f"{self._below(both[0])} is {self._below(both[1])})"
            )
        for split in SPLITS:
            classes = defaultdict(set)
            for name, found in self.images[split].items():
                for image in found:
                    classes[image.digest].add(name)
            torn = [digest for digest, names in classes.items() if len(names) > 1]
            if torn:
                names = " and ".join(repr(name) for name in sorted(classes[torn[0]]))
                lines.append(
                    f"{self.root}: images of {split}/ that are in two classes, which nothing can tell apart: {len(torn)} (first: "
                    f"{self._below(where[split][torn[0]])} in {names})"
                )
        return lines

    def _copies(self) -> Iterator[tuple[Path, Path]]:
        """What is in a class of train/ again, beside the first of its content."""
        for found in self.images["train"].values():
            first: dict[str, Path] = {}
            for image in found:
                if (one := first.setdefault(image.digest, image.path)) != image.path:
                    yield image.path, one

    def _below(self, path: Path) -> str:
        return plain(path.relative_to(self.root))


def survey(root: Path, cache: Path | None = None) -> Survey:
    """Look through `train/<class>/` and `test/<class>/`, sub-folders and links included.

    Args:
        root: the folder.
        cache: where digests are remembered; default: the user's cache.

    Raises:
        BadInput: if the folder, a part, or the images of a class are missing or cannot be read, if there is one class
            only, if the parts have different classes, or if names are of use to nobody.
    """
    digests = Digests(root, is_image, cache)
    looked = Walk(root, digests.of)
    with readable(root):
        images = {split: looked.classes(split) for split in SPLITS}
        looked.beside()
    digests.keep()
    _refuse_odd_classes(root, images)
    return Survey(root, images, looked.passed_over)


def _refuse_odd_classes(root: Path, images: Mapping[str, Mapping[str, list[Found]]]) -> None:
    train, test = (images[split].keys() for split in SPLITS)
    if train != test:
        odd = sorted(train ^ test)[0]
        has, lacks = ("train", "test") if odd in train else ("test", "train")
        raise BadInput(f"{root}: class {odd!r} is in {has}/ but not in {lacks}/; both need the same class folders")
    if len(train) < 2:
        raise BadInput(
            f"{root}: {next(iter(train))!r} is the only class; wanted: two or more, as folders of train/ and test/"
        )
