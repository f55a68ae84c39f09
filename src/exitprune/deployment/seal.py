"""A digest at the end of an ONNX file, as one more entry of its metadata: any flipped bit changes it.

Protocol buffers let a repeated field go on behind the end of a message, so neither sealing nor checking needs onnx.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from exitprune.errors import BadInput

ENTRY = "sha256"
START = b"\x72\x4c\x0a\x06" + ENTRY.encode() + b'\x12\x42"'
"""Field 14 of 76 bytes, metadata: a key of 6 bytes, and a value of 66, JSON like that of all other entries."""
LENGTH = len(START) + 64 + 1


def sealed(content: bytes) -> bytes:
    """A serialized model with the digest of it as last entry of its metadata."""
    return content + START + sha256(content).hexdigest().encode() + b'"'


def check_seal(content: bytes, path: Path) -> bool:
    """Whether a file ends in a seal; one without may be an earlier export, or another program's.

    Raises:
        BadInput: if the content is not what was sealed.
    """
    if content[-LENGTH : -LENGTH + len(START)] != START:
        return False
    if sealed(content[:-LENGTH]) != content:
        raise broken(path)
    return True


def broken(path: Path) -> BadInput:
    """What to say of a file that is not as it was sealed."""
    return BadInput(
        f"{path}: is not as `exitprune export` wrote it, its digest is another; export it anew, or, if you changed it"
        f" yourself, take the entry {ENTRY} out of its metadata"
    )
