"""Records of seeds that were damaged, changed by hand, or never ours; what tables, `choose` and the workflow read first.

    file: record.json (the default) | unpruned.npz | final.npz | recovered.npz: what is changed, of a whole record
    and then any of the changes here, by name, in the order of the line:
        entries: values of record.json by dotted name, sealed anew; {out: true}: taken out; {repeat: [value, times]}: a list
        unsealed: the same, but the digest stays what it was
        arrays: arrays of an .npz file by name, as [type, sizes], or null: taken out; record.json is made to fit
        raw: the text of record.json instead of what was there
        swap, cut, flip, text, folder, longer: as in `foreign_file`; record.json is made to fit an .npz file if `fits: true`
    seed: the record's folder is called after this seed

Read as the workflow does before any job, then summed up as the stage `tables` does.
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from exitprune.evaluation.record_reading import read_own
from exitprune.evaluation.sealed_json import SEAL, SEALED
from exitprune.evaluation.study import study_of
from tests.cases.foreign_file import changes
from tests.synthetic import EVALUATE, write_data, write_run


@cache
def whole() -> Path:
    """A record to spoil; made once."""
    folder = Path(tempfile.mkdtemp(prefix="exitprune-cases-"))
    return write_run(folder, 0, "joint", write_data(folder / "data.safetensors"), rounds=2)


def run(recipe: dict[str, Any], folder: Path) -> None:
    """Spoil a record and read it."""
    recipe = dict(recipe)
    place = folder / f"{recipe.pop('seed', 0)}-joint"
    shutil.copytree(whole(), place)
    file, fits = place / recipe.pop("file", "record.json"), recipe.pop("fits", False)
    for name, value in recipe.items():
        (globals().get(name) or getattr(changes, name))(file, value)
    if fits:
        fit(file)
    study_of([read_own(place)], EVALUATE).table("measures")


def entries(file: Path, value: dict[str, Any]) -> None:
    """Change values and seal."""
    file.write_bytes(SEALED.sub(b"\n}\n", file.read_bytes()))
    _set(file, value)
    text = file.read_bytes()
    file.write_bytes(text.removesuffix(b"\n}\n") + (SEAL % sha256(text).hexdigest()).encode())


def unsealed(file: Path, value: dict[str, Any]) -> None:
    """Change values as an editor does."""
    seal = SEALED.search(file.read_bytes())
    assert seal
    file.write_bytes(SEALED.sub(b"\n}\n", file.read_bytes()))
    _set(file, value)
    file.write_bytes(file.read_bytes().removesuffix(b"\n}\n") + seal.group())


def arrays(file: Path, value: dict[str, Any]) -> None:
    """Other arrays in a file of outcomes."""
    with np.load(file) as there:
        held = dict(there)
    for name, wanted in value.items():
        if wanted is None:
            del held[name]
        elif isinstance(wanted, list):
            held[name] = np.zeros(wanted[1], dtype=wanted[0])
        else:
            held[name] = np.full_like(held[name], wanted)
    stream = io.BytesIO()
    np.savez_compressed(stream, **held)
    file.write_bytes(stream.getvalue())
    fit(file)


def raw(file: Path, value: str) -> None:
    """A text of its own."""
    file.write_text(value.replace("{nested}", "[" * 100_000))


def fit(file: Path) -> None:
    """Make record.json say that this is the file it was written with."""
    entries(file.with_name("record.json"), {f"outcomes.{file.stem}": sha256(file.read_bytes()).hexdigest()})


def _set(file: Path, value: dict[str, Any]) -> None:
    about = json.loads(file.read_text())
    for dotted, entry in value.items():
        *path, last = (int(part) if part.isdigit() else part for part in dotted.split("."))
        place = about
        for part in path:
            place = place[part]
        match entry:
            case {"out": True}:
                del place[last]
            case {"repeat": [one, times]}:
                place[last] = [one] * times
            case _:
                place[last] = entry
    file.write_text(json.dumps(about, indent=1) + "\n")
