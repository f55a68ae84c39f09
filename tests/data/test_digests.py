"""A digest that is remembered is that of the bytes; what is in doubt is read again."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from exitprune.data.digests import Digests

LONG_AGO = time.time_ns() - 10**12


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file has been still for long; nobody can set back the time of its status."""
    monkeypatch.setattr("exitprune.data.digests.STILL", -(10**15))


def look(file: Path, ask: bool = False) -> tuple[str, bool, int]:
    """Digest, whether it is an image, and how many files were read for it."""
    digests = Digests(file.parent, lambda content: content.read(1) == b"i", file.parent / "cache")
    found = digests.of(str(file), file.name, file.stat(), ask)
    digests.keep()
    return (*found, digests.read)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"image")
    return tmp_path / "file"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.usefixtures("still")
def test_an_unchanged_file_is_read_once(file: Path) -> None:
    assert look(file, ask=True) == (sha(b"image"), True, 1)
    assert look(file, ask=True) == (sha(b"image"), True, 0)


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("how", ["in place", "in place, its time set back", "by another file of the same time"])
def test_another_content_of_the_same_size_is_read(file: Path, how: str) -> None:
    before = file.stat()
    look(file)
    if how.startswith("in"):
        file.write_bytes(b"other")
    else:
        (file.parent / "new").write_bytes(b"other")
        (file.parent / "new").replace(file)
    if "time" in how:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert look(file) == (sha(b"other"), True, 1)


def test_a_file_that_was_just_written_is_read_again_for_it_may_still_change(file: Path) -> None:
    os.utime(file, ns=(LONG_AGO, LONG_AGO))  # an unpacked archive does this; the time of the status tells
    assert look(file)[2] == 1
    assert look(file)[2] == 1


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"format": 1, "files": {"file": [1]}}', b'{"format": 0, "files": {}}']
)
def test_a_broken_cache_is_as_none(file: Path, content: bytes) -> None:
    look(file)
    (cache,) = (file.parent / "cache").iterdir()
    cache.write_bytes(content)
    assert look(file) == (sha(b"image"), True, 1)
    assert look(file)[2] == 0


@pytest.mark.usefixtures("still")
def test_a_cache_that_cannot_be_written_costs_time_alone(file: Path) -> None:
    (file.parent / "cache").write_text("a file where the folder should be")
    assert look(file) == look(file) == (sha(b"image"), True, 1)


@pytest.mark.usefixtures("still")
def test_files_that_are_gone_are_forgotten(file: Path) -> None:
    look(file)
    digests = Digests(file.parent, lambda content: True, file.parent / "cache")
    digests.keep()
    assert look(file)[2] == 1


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(3_000_001))
    assert look(tmp_path / "large")[0] == sha(bytes(3_000_001))
