"""What lies in the folder that an export goes to: a file of somebody else stays, an earlier export goes with a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from exitprune.deployment.seal import check_seal
from exitprune.deployment.sparse.saved import is_sparse
from exitprune.documents import read_json
from exitprune.errors import BadInput, plain

MODEL, CARD, SPARSE = "model.onnx", "model-card.json", "model.sparse"


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
    if (sparse := out / SPARSE).exists() and not is_sparse(sparse):
        raise _in_the_way(sparse)
    if found is None and not model.exists() and (stages := sorted((out / "stages").glob("*"))):
        raise _in_the_way(stages[0])
    return found


def said_of(out: Path, before: Mapping[str, Any] | None, checkpoint: str, written: set[str]) -> Iterator[str]:
    """A sentence on each thing that an earlier export left, or that this one wrote over.

    Args:
        out: the folder.
        before: the card of that export.
        checkpoint: digest of the checkpoint that is exported now.
        written: all beside the model that was written now, within the folder.
    """
    if before is None:
        return
    origin = before["provenance"]
    if origin.get("sha256") != checkpoint:
        yield f"written over: the export of another checkpoint, {plain(origin.get('checkpoint', 'unknown'))}"
    there = [out / SPARSE, *sorted(out.glob("stages/stage-*.onnx"))]
    left = [
        name for name in (path.relative_to(out).as_posix() for path in there if path.exists()) if name not in written
    ]
    if left:
        yield f"{out}: of an earlier export, not of this one: {', '.join(left)}"


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
