"""Digests of files, remembered by what the file system says of them, as git and DVC do: an unchanged file is not read again.

A digest is believed as long as size, times of content and of status, and inode are the same. It is remembered only once
the file has been still for two seconds before it was read: a file changed within one tick of the clock would look the same.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

STILL = 2_000_000_000  # nanoseconds; the coarsest clock in use, that of FAT, ticks every two seconds
CHUNK = 1 << 20
FORMAT = 1

Known = list[int | str | bool]
"""Size, times of content and status in nanoseconds, inode, SHA-256, and whether it is an image (by content)."""


class Digests:
    """SHA-256 of files below one folder.

    Args:
        root: the folder; what is remembered is kept by its real path.
        is_image: asked once about each file's content.
        cache: folder where it is remembered; default: the user's cache. Where that cannot be written, nothing is.
    """

    def __init__(self, root: Path, is_image: Callable[[BinaryIO], bool], cache: Path | None = None) -> None:
        place = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]
        self.file = (cache or _usual_place()) / f"{place}.json"
        self.is_image = is_image
        self.before = _read(self.file)
        self.now: dict[str, Known] = {}
        self.read = 0

    def of(self, path: str, name: str, status: os.stat_result, ask: bool) -> tuple[str, bool]:
        """Digest of a file and whether it is an image.

        Args:
            path: where it is.
            name: below the root.
            status: of the file, links followed.
            ask: look into the file to tell whether it is an image; else it is taken for one.

        Raises:
            OSError: if it cannot be read.
        """
        key = _key(status)
        known = self.before.get(name)
        if known is None or known[:4] != key:
            known = self._read_file(path, ask)
        if len(known) == 6 and known[:4] == key:
            self.now[name] = known
        return str(known[-2]), bool(known[-1])

    def _read_file(self, path: str, ask: bool) -> Known:
        """What is known now; without its times if it may still be changing."""
        self.read += 1
        start = time.time_ns()
        digest = hashlib.sha256()
        with open(path, "rb") as file:  # noqa: PTH123  (a Path each would double the time of small files)
            before = os.fstat(file.fileno())
            while chunk := file.read(CHUNK):
                digest.update(chunk)
            after = os.fstat(file.fileno())
            file.seek(0)
            found: Known = [digest.hexdigest(), not ask or self.is_image(file)]
        still = _key(after) == _key(before) and max(after.st_mtime_ns, after.st_ctime_ns) < start - STILL
        return [*_key(after), *found] if still else found

    def keep(self) -> None:
        """Remember what was asked for, if anything is new."""
        if not self.read and self.now.keys() == self.before.keys():
            return
        with suppress(OSError):  # only time is lost
            self.file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.file.parent, delete=False) as file:
                json.dump({"format": FORMAT, "files": self.now}, file)
            Path(file.name).replace(self.file)


def _usual_place() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exitprune" / "digests"


def _key(status: os.stat_result) -> Known:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _read(file: Path) -> dict[str, Known]:
    """What is remembered; nothing where the file is missing or is not one of ours."""
    try:
        content = json.loads(file.read_bytes())
        files = content["files"] if content["format"] == FORMAT else {}
        return files if all(len(known) == 6 for known in files.values()) else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
