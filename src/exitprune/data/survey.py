"""What a folder of images holds, before any is decoded: which files are read as which class, what is passed over, and why.

A folder is known by the content of what is read: split, class and bytes of each image in the order they are read. Its
path, hidden files and whatever else is passed over do not count, and links count as what they lead to.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from unicodedata import normalize

from exitprune.data.digests import Digests
from exitprune.data.image_files import ENDINGS, Size, header, is_image
from exitprune.errors import BadInput, is_seen, plain

SPLITS = ("train", "test")
NAMES = "thumbs.db ehthumbs.db desktop.ini __macosx @eadir #recycle @recycle $recycle.bin lost+found __pycache__"
SYSTEM = frozenset([*NAMES.split(), "system volume information", "icon\r"])
"""What systems leave in folders, in small letters; names that begin with a dot are hidden anyway."""
HIDDEN, OTHER, OUTSIDE, BESIDE, NOWHERE, BACK = (
    "hidden or of the system",
    "not images by ending or content",
    "outside the class folders",
    "beside train/ and test/",
    "links that lead nowhere",
    "links that lead back to a folder they are in",
)
SAMPLE = 64  # images whose headers tell the size of all, to estimate by


@dataclass(frozen=True)
class Found:
    """An image file and the SHA-256 of its bytes."""

    path: Path
    digest: str


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
    looked = _Look(root, digests.of)
    with _readable(root):
        images = {split: looked.classes(split) for split in SPLITS}
        looked.beside()
    digests.keep()
    _refuse_odd_classes(root, images)
    return Survey(root, images, looked.passed_over)


def images_below(folder: Path) -> tuple[list[Path], int]:
    """The images of one folder, in the order in which those of a class are read, and how many files were passed over.

    Raises:
        BadInput: if something there cannot be read.
    """
    looked = _Look(folder, _without_digest)
    with _readable(folder):
        found = [image.path for image in looked.images(str(folder), folder.stat(), looked.around)]
    return found, sum(map(len, looked.passed_over.values()))


def _without_digest(path: str, name: str, status: os.stat_result, ask: bool) -> tuple[str, bool]:
    if not ask:
        return "", True
    with Path(path).open("rb") as file:
        return "", is_image(file)


@contextmanager
def _readable(root: Path) -> Iterator[None]:
    """What may not be read is refused in a sentence."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{error.filename or root}: cannot be read ({error.strerror or error}); let this user read it, or move it "
            "out of the folder"
        ) from None


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


class _Look:
    """One walk through a folder.

    Args:
        root: the folder.
        digest_of: from path, name below the root, status, and whether to ask its content, to a file's digest and whether it
            is an image.
    """

    def __init__(self, root: Path, digest_of: Callable[[str, str, os.stat_result, bool], tuple[str, bool]]) -> None:
        self.root, self.digest_of = root, digest_of
        self.skip = len(str(root / "_")) - 1  # letters before a name below the root
        whole = root.resolve()
        self.around = tuple(_identity(folder.stat()) for folder in (*whole.parents, whole) if folder.exists())
        self.passed_over: dict[str, list[str]] = {}

    def classes(self, split: str) -> dict[str, list[Found]]:
        """The images of each class."""
        folder = self.root / split
        wanted = f"wanted: {split}/<class>/, with the images of each class"
        if not folder.is_dir():
            raise BadInput(f"data.path: there is no folder {folder}{_alike(folder)}; {wanted}")
        found: dict[str, list[Found]] = {}
        inside = (*self.around, _identity(folder.stat()))
        for entry, status in self._entries(folder):
            if not stat.S_ISDIR(status.st_mode):
                self._pass_over(OUTSIDE, entry.path)
                continue
            if _identity(status) in inside:
                self._pass_over(BACK, entry.path)
                continue
            name = _composed(entry.name)
            if name in found:
                raise BadInput(
                    f"{folder}: two class folders are called {name!r}, in two spellings of Unicode; merge them"
                )
            if not all(map(is_seen, name)):
                raise BadInput(f"{entry.path}: a class is named with letters that do not print; rename the folder")
            found[name] = list(self.images(entry.path, status, inside))
            if not found[name]:
                raise BadInput(
                    f"{entry.path}: has no images{self._passed_over_in(entry.path)}; put some there or move the folder away"
                )
        if not found:
            raise BadInput(f"{folder}: has no class folders; {wanted}")
        return {name: found[name] for name in sorted(found)}

    def beside(self) -> None:
        """Pass over what is beside the two parts."""
        for entry, _ in self._entries(self.root):
            if entry.name not in SPLITS:
                self._pass_over(BESIDE, entry.path)

    def images(self, folder: str, status: os.stat_result, inside: tuple[tuple[int, int], ...]) -> Iterator[Found]:
        """Image files of a class folder and of those in it, alphabetically; links are followed, loops are not."""
        inside = (*inside, _identity(status))
        for entry, below in self._entries(folder):
            stem, dot, ending = entry.name.lower().rpartition(".")
            ending = dot + ending if stem else ""
            if stat.S_ISDIR(below.st_mode):
                if _identity(below) in inside:
                    self._pass_over(BACK, entry.path)
                else:
                    yield from self.images(entry.path, below, inside)
            elif not stat.S_ISREG(below.st_mode) or (ending and ending not in ENDINGS):
                self._pass_over(OTHER, entry.path)
            else:
                digest, image = self.digest_of(entry.path, entry.path[self.skip :], below, not ending)
                if image:
                    yield Found(Path(entry.path), digest)
                else:
                    self._pass_over(OTHER, entry.path)

    def _entries(self, folder: str | Path) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
        """What is in a folder and can be seen, with its status behind links, in the order of the composed names."""
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: (_composed(entry.name), entry.name))
        for entry in listed:
            if entry.name.startswith(".") or entry.name.lower() in SYSTEM:
                self._pass_over(HIDDEN, entry.path)
                continue
            try:
                status = entry.stat()
            except OSError as error:
                if isinstance(error, PermissionError) or not entry.is_symlink():
                    raise
                self._pass_over(NOWHERE, entry.path)
            else:
                yield entry, status

    def _pass_over(self, why: str, path: str) -> None:
        self.passed_over.setdefault(why, []).append(os.path.relpath(path, self.root))

    def _passed_over_in(self, folder: str) -> str:
        below = os.path.relpath(folder, self.root) + os.sep
        names = [name for names in self.passed_over.values() for name in names if name.startswith(below)]
        return f" (passed over: {len(names)}, first: {plain(names[0])})" if names else ""


def _composed(name: str) -> str:
    return name if name.isascii() else normalize("NFC", name)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _alike(folder: Path) -> str:
    """A folder of the same name but for capitals, if there is one."""
    beside = folder.parent.iterdir() if folder.parent.is_dir() else ()
    names = [path.name for path in beside if path.name.lower() == folder.name]
    return f" (there is {names[0]!r}: rename it)" if names else ""
