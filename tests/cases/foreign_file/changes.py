"""Changes to a file, by the name they have in a case: `change(file, value)`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnx


def text(file: Path, value: str) -> None:
    """This text instead of what was there."""
    file.write_text(value)


def hex(file: Path, value: str) -> None:
    """These bytes instead of what was there."""
    file.write_bytes(bytes.fromhex(value))


def cut(file: Path, value: float) -> None:
    """Only this share of the file."""
    content = file.read_bytes()
    file.write_bytes(content[: int(value * len(content))])


def flip(file: Path, value: float) -> None:
    """The lowest bit of the byte at this share of the file turned over."""
    content = bytearray(file.read_bytes())
    content[int(value * len(content))] ^= 1
    file.write_bytes(bytes(content))


def folder(file: Path, value: bool) -> None:
    """A folder in its place."""
    file.unlink()
    file.mkdir()


def metadata(file: Path, value: dict[str, Any]) -> None:
    """These entries of an ONNX model, as JSON; null: the entry is taken out; {text: ...}: as it is."""
    model = onnx.load(file)
    entries = {item.key: item.value for item in model.metadata_props}
    for name, entry in value.items():
        if entry is None:
            entries.pop(name, None)
        else:
            entries[name] = entry["text"] if isinstance(entry, dict) and "text" in entry else json.dumps(entry)
    onnx.helper.set_model_props(model, entries)
    onnx.save(model, file)
