"""What lies in the folder that an export goes to: a file of somebody else stays, an earlier export goes with a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exitprune.deployment.seal import check_seal
from exitprune.documents import read_json
from exitprune.errors import BadInput, plain

MODEL, CARD = "model.onnx", "model-card.json"


def card_there(out: Path) -> dict[str, Any] | None:
    """The model card of an earlier export; None where there is none.

    Raises:
        BadInput: if a file that no export wrote is in the way.
    """
    model, card = out / MODEL, out / CARD
    found = _card_of(card)
    if found is None and card.exists():
        raise _in_the_way(card)
    if found is None and model.exists() and not _is_ours(model):  # one without a card is of an export that was killed
        raise _in_the_way(model)
    return found


def said_of(out: Path, before: Mapping[str, Any] | None, checkpoint: str, written: set[str]) -> Iterator[str]:
    """A sentence on each thing that an earlier export left, or that this one wrote over.

    Args:
        out: the folder.
        before: the card of that export.
        checkpoint: digest of the checkpoint that is exported now.
        written: the names of all that was written now.
    """
    if before is None:
        return
    origin = before["provenance"]
    if origin.get("sha256") != checkpoint:
        yield f"written over: the export of another checkpoint, {plain(origin.get('checkpoint', 'unknown'))}"
    for name in ("model.sparse", "stages"):
        if name not in written and (out / name).exists():
            yield f"{out / name}: is of an earlier export, not of this one"


def _card_of(path: Path) -> dict[str, Any] | None:
    try:
        card = read_json(path)
    except BadInput:
        return None
    keys = ("model", "network", "provenance")
    return card if all(isinstance(card.get(key), Mapping) for key in keys) else None


def _is_ours(model: Path) -> bool:
    try:
        return model.is_file() and check_seal(model.read_bytes(), model)
    except BadInput:
        return False


def _in_the_way(path: Path) -> BadInput:
    return BadInput(f"{path}: is there, and no export wrote it; give another folder as --out")
