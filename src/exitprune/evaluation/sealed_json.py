"""JSON with a line per value, for git and people, and with its own digest as last entry: any changed letter is noticed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from exitprune.errors import BadInput

SEAL = ',\n "sha256": "%s"\n}\n'
SEALED = re.compile(SEAL.replace("%s", "([0-9a-f]{64})").encode() + rb"\Z")


def sealed(values: Mapping[str, Any]) -> bytes:
    """An object as text that ends in the digest of all before it."""
    return _with_seal(f"{_as_text(values)}\n".encode())


def opened(content: bytes, file: Path) -> bytes:
    """The text that was sealed; one without a seal, as written before there were any, is given back as it is.

    Args:
        content: of the file.
        file: what to call it in an error.

    Raises:
        BadInput: if it is not the text that was sealed.
    """
    seal = SEALED.search(content)
    if seal is None:
        return content
    text = content[: seal.start()] + b"\n}\n"
    if _with_seal(text) != content:
        raise BadInput(f"{file}: is not as it was written, its digest is another; fetch it anew, or move it elsewhere")
    return text


def _with_seal(text: bytes) -> bytes:
    return text.removesuffix(b"\n}\n") + (SEAL % sha256(text).hexdigest()).encode()


def _as_text(value: Any, indent: int = 0) -> str:
    """JSON with one line per value or list of values, so that `git diff` shows which network changed in what."""
    step = " " * (indent + 1)
    parts: list[str] = []
    if isinstance(value, dict) and value:
        parts = [f"{json.dumps(key)}: {_as_text(part, indent + 1)}" for key, part in value.items()]
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        parts = [_as_text(part, indent + 1) for part in value]
    if not parts:
        return json.dumps(value, allow_nan=False)
    first, last = "{}" if isinstance(value, dict) else "[]"
    return f"{first}\n{step}" + f",\n{step}".join(parts) + f"\n{' ' * indent}{last}"
