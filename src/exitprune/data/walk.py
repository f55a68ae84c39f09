"""A walk through a folder of images: which files are images, in which order they are read, and what is passed over.

Links count as what they lead to; one that leads back to a folder it is in is passed over.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from exitprune.data.image_files import ENDINGS, is_image
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


@dataclass(frozen=True)
class Found:
    """An image file and the SHA-256 of its bytes."""

    path: Path
    digest: str


def images_below(folder: Path) -> tuple[list[Path], int]:
    """The images of one folder, in the order in which those of a class are read, and how many files were passed over.

    Raises:
        BadInput: if something there cannot be read.
    """
    looked = Walk(folder, _without_digest)
    with readable(folder):
        found = [image.path for image in looked.images(str(folder), folder.stat(), looked.around)]
    return found, sum(map(len, looked.passed_over.values()))


def _without_digest(path: str, name: str, status: os.stat_result, ask: bool) -> tuple[str, bool]:
    if not ask:
        return "", True
    with Path(path).open("rb") as file:
        return "", is_image(file)


@contextmanager
def readable(root: Path) -> Iterator[None]:
    """What may not be read is refused in a sentence."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"{error.filename or root}: cannot be read ({error.strerror or error}); let this user read it, or move it "
            "out of the folder"
        ) from None


class Walk:
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
