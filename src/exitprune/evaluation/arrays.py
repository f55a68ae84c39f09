"""Named arrays in a zip file, as numpy writes them; read only if they are of the types and shapes that are expected.

A stranger's file may promise anything: its headers are held against what is expected before an array is made.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError

import numpy as np
import numpy.typing as npt

from exitprune.errors import BadInput, quoted

OF_ZIP = BadZipFile, ZlibError, NotImplementedError, RuntimeError, EOFError
OF_HEADER = TypeError, SyntaxError, TokenError, MemoryError
"""What the libraries raise for files that are none; an array's header is Python to numpy."""
LARGEST = 2**31
"""Bytes of one array."""
DENSEST = 1040
"""Bytes that one byte of a zip file can stand for, a little rounded up."""
HEADER = 4096
"""Bytes that the header of an array may have; those of ours have 128."""
Layout = tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]
"""Types that an array may have, by numpy's names for them, and shapes."""


def packed(arrays: Mapping[str, Any]) -> bytes:
    """Arrays as one file, the same bytes for the same arrays."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def unpacked(content: bytes, wanted: Mapping[str, Layout], file: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file.

    Args:
        content: of the file.
        wanted: what arrays there must be, and nothing else.
        file: what to call it in an error.

    Raises:
        BadInput: if there are others, or one is of another type, shape or length, or damaged; nothing was allocated for it.
    """
    try:
        with ZipFile(io.BytesIO(content)) as archive:
            names = {f"{name}.npy": name for name in wanted}
            if sorted(archive.namelist()) != sorted(names):
                raise ValueError(f"it holds {quoted(sorted(archive.namelist()))}, not {', '.join(sorted(names))}")
            return {name: _array(archive, member, wanted[name]) for member, name in names.items()}
    except (*OF_ZIP, *OF_HEADER, OSError, ValueError) as error:
        raise BadInput(f"{file}: holds no outcomes of images ({error}); move the record away") from None


def _array(archive: ZipFile, member: str, wanted: Layout) -> npt.NDArray[Any]:
    """One array, if it is what its header and the layout say."""
    with archive.open(member) as stream:
        start = io.BytesIO(stream.read(HEADER))
        if np.lib.format.read_magic(start) != (1, 0):
            raise ValueError(f"{member} is of another version of numpy's format")
        shape, is_fortran, kind = np.lib.format.read_array_header_1_0(start)
        types, shapes = wanted
        if kind.hasobject or kind.name not in types or shape not in shapes or is_fortran:
            allowed = " or ".join(f"{' or '.join(types)} of {shape}" for shape in shapes)
            raise ValueError(f"{member} is {kind.name} of {quoted(shape)}, not {allowed}")
        size = math.prod(shape) * kind.itemsize
        if size > min(LARGEST, DENSEST * archive.getinfo(member).compress_size):
            raise ValueError(f"{member} would take {size:,} bytes, more than are read or can be in the file")
        data = start.read() + stream.read(size + 1)
    if len(data) != size:
        raise ValueError(f"{member} has not the {size:,} bytes that its header says")
    return np.frombuffer(data, dtype=kind).reshape(shape).copy()
