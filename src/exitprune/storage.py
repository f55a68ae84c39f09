"""Files that are whole or not there: bytes, JSON, and tensors with a JSON header.

Everything is written under a temporary name and renamed, so a killed job leaves a whole file or none; the bytes depend on
the content alone. A file of tensors carries digests of its header and of its tensors, so that no damage goes unnoticed.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from exitprune.documents import INSTEAD, MISSING, parse_json
from exitprune.errors import BadInput, quoted

if TYPE_CHECKING:  # records and JSON are read and written without importing torch, which takes seconds
    from torch import Tensor

FORMAT = 2
HEADER = "exitprune"  # one key alone: safetensors does not keep the order of several
SEAL = '{"sha256": "%s", '  # how a header begins: the digest of all the text behind it
TENSORS = "tensors_sha256"


class OlderFormat(BadInput):
    """A file of ours that an earlier version of exitprune wrote, without digests: stale, not damaged."""


@dataclass(frozen=True)
class Layout:
    """Type, as safetensors names it, and shape of a tensor in a file."""

    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} of {' x '.join(map(str, self.shape)) or 'no sides'}"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        BadInput: if it cannot be written there: a full disk, no permission, a file where a folder belongs.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_name(path)
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be written ({error.strerror}); make room there, or give another place"
        ) from None


def temporary_name(path: Path) -> Path:
    """A name beside a file that no other writer uses; what writers of this machine that are gone left there is removed."""
    here = f".{path.name}.{socket.gethostname()}."
    for left in path.parent.glob(f"{glob.escape(here)}*.tmp"):
        pid = left.name.removeprefix(here).removesuffix(".tmp").partition("-")[0]
        if pid.isdigit() and not is_alive(int(pid)):
            left.unlink(missing_ok=True)
    return path.with_name(f"{here}{os.getpid()}-{threading.get_ident()}.tmp")


def is_alive(pid: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all, keys in the order given."""
    write_bytes(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header whole or not at all; what stands under several names is written under each."""
    from safetensors.torch import save

    held, addresses = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, set()
    for name, tensor in held.items():
        held[name] = tensor.clone() if tensor.data_ptr() in addresses else tensor
        addresses.add(tensor.data_ptr())
    content = json.dumps({**header, "format": FORMAT, TENSORS: _digest_of(held)}, sort_keys=True)
    write_bytes(path, save(held, {HEADER: _sealed(content)}))


def read_header(path: Path) -> dict[str, Any]:
    """The header alone.

    Raises:
        BadInput: if the file is missing, cut short, damaged or not one of ours.
    """
    with _opened(path) as file:
        return _header_of(path, file)[0]


def read_layout(path: Path) -> tuple[dict[str, Layout], dict[str, Any]]:
    """Type and shape of every tensor, and the header; nothing is allocated.

    Raises:
        BadInput: if the file is missing, cut short, damaged or not one of ours.
    """
    with _opened(path) as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        layout = {name: Layout(one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()}
        return layout, _header_of(path, file)[0]


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote, held against its digests.

    Raises:
        BadInput: if the file is missing, cut short, damaged or not one of ours.
    """
    with _opened(path) as file:
        header, sha256 = _header_of(path, file)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    if _digest_of(tensors) != sha256:
        raise BadInput(f"{path}: is damaged: its tensors are not those it was written with; {INSTEAD}")
    return tensors, header


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file as safetensors reads it; what is wrong with it while it is open is told in a sentence."""
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "is not a file" if path.exists() else "there is no such file"
        raise BadInput(f"{path}: {what}; {MISSING}")
    try:
        with safe_open(path, "pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise BadInput(f"{path}: not a whole safetensors file ({error}); {INSTEAD}") from None


def _header_of(path: Path, file: Any) -> tuple[dict[str, Any], str]:
    """The header of an open file, held against its digest, and the digest that its tensors must have."""
    text = (file.metadata() or {}).get(HEADER)
    if text is None:
        raise BadInput(f"{path}: not written by exitprune (its header has no {HEADER!r}); {INSTEAD}")
    header = parse_json(text, f"{path}: its header is")
    version = header.get("format")
    if isinstance(version, int) and version < FORMAT:
        raise OlderFormat(
            f"{path}: written by an earlier version of exitprune (format {version}, this one reads {FORMAT}); "
            "run again the stage that wrote it, or use the version that did"
        )
    if version != FORMAT and "sha256" not in header:
        raise BadInput(f"{path}: of format {quoted(version)}, this version of exitprune reads {FORMAT}; {INSTEAD}")
    if text != _sealed("{" + text[len(SEAL % ("0" * 64)) :]):
        raise BadInput(f"{path}: is damaged: its header is not the one it was written with; {INSTEAD}")
    return {name: value for name, value in header.items() if name not in ("sha256", TENSORS)}, str(header.get(TENSORS))


def _sealed(content: str) -> str:
    """JSON with the digest of itself as first entry."""
    rest = content.removeprefix("{")
    return SEAL % hashlib.sha256(rest.encode()).hexdigest() + rest


def _digest_of(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and contents; any flipped bit changes it."""
    import torch

    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
