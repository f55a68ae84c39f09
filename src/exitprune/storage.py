"""Files that are whole or not there: bytes, JSON, and tensors with a JSON header.

Everything is written under a temporary name and renamed, so a killed job leaves a whole file or none; the bytes depend on
the content alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from exitprune.errors import BadInput

FORMAT = 1
HEADER = "exitprune"  # one key alone: safetensors does not keep the order of several


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")  # one name: the next writer replaces what a killed one left
    temporary.write_bytes(content)
    temporary.replace(path)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all, keys in the order given."""
    write_bytes(path, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write tensors and a JSON header whole or not at all."""
    metadata = {HEADER: json.dumps({**header, "format": FORMAT}, sort_keys=True)}
    write_bytes(path, save({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, metadata))


def read_header(path: Path) -> dict[str, Any]:
    """The header alone.

    Raises:
        BadInput: if the file is missing, cut short or not one of ours.
    """
    return read_tensors(path, with_tensors=False)[1]


def read_tensors(path: Path, with_tensors: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write_tensors` wrote.

    Raises:
        BadInput: if the file is missing, cut short or not one of ours.
    """
    if not path.exists():
        raise BadInput(f"{path}: there is no such file; run snakemake to make it, or `dvc pull` to fetch it")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()} if with_tensors else {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise BadInput(
            f"{path}: not a whole safetensors file ({error}); delete it and run again to recompute it"
        ) from None
    if HEADER not in metadata:
        raise BadInput(f"{path}: not written by exitprune (its header has no {HEADER!r}); move it away and run again")
    header = json.loads(metadata[HEADER])
    if header.get("format") != FORMAT:
        raise BadInput(f"{path}: format {header.get('format')}, this version reads {FORMAT}; delete it and run again")
    return tensors, header
