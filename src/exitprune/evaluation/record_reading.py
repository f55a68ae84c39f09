"""Records read back: each file held against what the text says of it, and nothing taken on trust."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from exitprune.documents import place, read_document, reason
from exitprune.errors import BadInput
from exitprune.evaluation.arrays import Layout, unpacked
from exitprune.evaluation.records import FILE, SPLITS, SWEPT, About, Level, Outcomes, Record, State, int8_file, name_of
from exitprune.evaluation.sealed_json import opened


def read_about(folder: Path) -> About:
    """The part that is text.

    Raises:
        BadInput: if there is none, or it is not a record of ours, whole and as it was written.
    """
    file = folder / FILE
    content = opened(read_document(file, otherwise="run snakemake to make it"), file)
    try:
        return About.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInput(
            f"{file}: not a record that this version reads: {place(first, 'its text')}: {reason(first)}; move it elsewhere"
        ) from None


def read_record(folder: Path) -> Record:
    """Text and outcomes, each held against what the text says of it.

    Raises:
        BadInput: if a file is missing, or not the one that was written.
    """
    about = read_about(folder)
    outcomes = {}
    for level in about.levels:
        if level.state not in SWEPT:
            continue
        file = folder / f"{level.state}.npz"
        if not file.is_file() or sha256(content := file.read_bytes()).hexdigest() != about.outcomes.get(level.state):
            raise BadInput(
                f"{file}: not the file that {FILE} beside it was written with; fetch both anew, or move both away"
            )
        outcomes[level.state] = _outcomes(content, level, file)
    return Record(about, outcomes, _in_eight_bits(folder, about))


def read_own(folder: Path) -> Record:
    """The record that stands in a study under its own name; another's would be taken for that seed's.

    Raises:
        BadInput: as `read_record`, or if it is of another seed or recipe than the folder says.
    """
    record = read_record(folder)
    if folder.name != (name := name_of(record.about.seed, record.about.recipe)):
        raise BadInput(f"{folder}: holds the record of {name}; move it to a folder of that name")
    return record


def _in_eight_bits(folder: Path, about: About) -> dict[State, dict[str, Outcomes]]:
    found: dict[State, dict[str, Outcomes]] = {}
    for level in about.levels:
        file = folder / int8_file(level.weights_sha256)
        if level.state in SWEPT and file.is_file():
            found[level.state] = _outcomes(file.read_bytes(), level, file)
    return found


def _outcomes(content: bytes, level: Level, file: Path) -> dict[str, Outcomes]:
    """Of each split, as many as the level says that there are."""
    num_exits, wanted = len(level.macs), dict[str, Layout]()
    for split in SPLITS:
        shape, per_exit = (num_exits, level.num_images[split]), (num_exits, 1)
        wanted[f"{split}_confidence"] = (("float32",), (shape,))
        wanted[f"{split}_correct"] = (("bool",), (shape,))
        wanted[f"{split}_macs"] = (("int64", "float64"), (shape, per_exit))
    arrays = unpacked(content, wanted, file)
    for name, array in arrays.items():
        highest = np.inf if name.endswith("macs") else 1.0001  # a softmax may round up
        if not ((array >= 0) & (array <= highest) & np.isfinite(array)).all():
            raise BadInput(f"{file}: {name} holds what is none; move the record away")
    names = Outcomes.__dataclass_fields__
    return {split: Outcomes(*(arrays[f"{split}_{name}"] for name in names)) for split in SPLITS}
