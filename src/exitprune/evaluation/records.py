"""Records: what one seed contributes under one recipe, small enough for git; all that is said over seeds is said from these.

A record is a folder: `record.json` for people and `git diff`, and a file of outcomes for each state that thresholds are tried
on, with every test and validation image's confidence and correctness at each exit, exact. From these every table can be
computed, and images can be drawn anew. No network and no logits are needed.

Letters: E exits, N images.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from exitprune.config.section import Section
from exitprune.errors import BadInput
from exitprune.storage import write_bytes

FORMAT = 1
FILE = "record.json"
SPLITS = ("validation", "test")
State = Literal["unpruned", "intermediate", "final", "recovered"]
"""`final` is the level after the last round, `intermediate` those on the way there."""
SWEPT: tuple[State, ...] = ("unpruned", "final", "recovered")
"""States whose images are kept one by one."""


@dataclass(frozen=True)
class Outcomes:
    """What a network does with each image of a split.

    Attributes:
        confidence: (E, N) float32, largest softmax probability of each exit.
        correct: (E, N) bool, whether the exit's answer is right.
        macs: (E, 1) of leaving at each exit, or (E, N) where it depends on the image.
    """

    confidence: npt.NDArray[np.float32]
    correct: npt.NDArray[np.bool_]
    macs: npt.NDArray[np.int64 | np.float64]


class Calibration(Section):
    """Of each exit; what each list holds: `calibration.calibration`."""

    split: str
    scaling: str
    """none: as it is; temperature: with one that was fitted on validation images."""
    temperature: list[float]
    mean_confidence: list[float]
    overconfidence: list[float]
    calibration_error: list[float]


class Level(Section):
    """A saved network, in numbers; lists have one value per exit."""

    name: str
    level: int = Field(ge=0)
    state: State
    prune: str | None
    """Group that its round pruned."""
    weights_sha256: str
    sparsity: dict[str, float]
    """By group: all, base, exits."""
    num_images: dict[str, int]
    """That it was evaluated on, by split: validation and test, or a sample of the validation images alone."""
    accuracy: dict[str, list[float]]
    """By split, if all images left there."""
    macs: list[int | float]
    """Per image; the mean where it depends on the image."""
    macs_dense: list[int]
    params: list[int]
    params_dense: list[int]
    macs_after_removal: int | None
    """That dense kernels still do once what is empty is taken out exactly."""
    emptied: dict[str, int | None]
    """Filters, channels and branches, and how many of them have no weight left."""
    calibration: list[Calibration]


class Layer(Section):
    """A prunable layer after the last round."""

    layer: str
    group: str
    weights: int
    kept: int


class MadeOf(Section):
    """See `jobs.ingredients`."""

    settings: dict[str, Any]
    contents: str | None
    code: dict[str, str]


class Origin(Section):
    """Where and how it was computed; none of it decides whether a record counts."""

    commit: str | None
    dirty: bool
    date: str
    """Of evaluation, in UTC."""
    machine: str
    processor: str
    python: str
    versions: dict[str, str | None]
    compute: dict[str, Any]
    """Device, threads, precision, compile."""
    seconds: dict[str, float]
    """By stage, as far as they were timed; base and heads are shared by the recipes of a seed."""


class About(Section):
    """What `record.json` holds."""

    format: Literal[1]
    study: str
    seed: int = Field(ge=0)
    recipe: str
    made_of: MadeOf
    origin: Origin
    data: dict[str, Any]
    """The manifest of the images."""
    blocks: list[int | str]
    """The block after which each exit stands, the classifier's last."""
    levels: list[Level] = Field(min_length=3)
    layers: list[Layer]
    outcomes: dict[State, str]
    """SHA-256 of the file of each state."""


@dataclass(frozen=True)
class Record:
    """One seed under one recipe."""

    about: About
    outcomes: Mapping[State, Mapping[str, Outcomes]]
    """By state and split."""


def name_of(seed: int | str, recipe: str) -> str:
    """The folder of a record within a study's `seeds`."""
    return f"{seed}-{recipe}"


def write_record(folder: Path, about: Mapping[str, Any], outcomes: Mapping[State, Mapping[str, Outcomes]]) -> None:
    """Write the files of outcomes, and record.json last.

    Args:
        folder: of the record.
        about: everything of `About` but `format` and `outcomes`.
        outcomes: by state and split.
    """
    digests = {}
    for state, splits in outcomes.items():
        content = _packed(splits)
        write_bytes(folder / f"{state}.npz", content)
        digests[state] = sha256(content).hexdigest()
    whole = About.model_validate({"format": FORMAT, **about, "outcomes": digests})
    write_bytes(folder / FILE, f"{_as_text(whole.model_dump())}\n".encode())


def read_about(folder: Path) -> About:
    """The part that is text.

    Raises:
        BadInput: if there is none, or it is not a record of ours.
    """
    file = folder / FILE
    try:
        return About.model_validate_json(file.read_bytes())
    except OSError as error:
        raise BadInput(f"{file}: cannot be read ({error.strerror}); run snakemake to make it") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its text"
        raise BadInput(
            f"{file}: not a record that this version reads: {where}: {first['msg']}; move it elsewhere"
        ) from None


def read_record(folder: Path) -> Record:
    """Text and outcomes, each held against what the text says of it.

    Raises:
        BadInput: if a file is missing, or not the one that was written.
    """
    about = read_about(folder)
    outcomes = {}
    for state in SWEPT:
        file = folder / f"{state}.npz"
        if not file.is_file() or sha256(content := file.read_bytes()).hexdigest() != about.outcomes.get(state):
            raise BadInput(
                f"{file}: not the file that {FILE} beside it was written with; fetch both anew, or move both away"
            )
        outcomes[state] = _unpacked(content, file)
    return Record(about, outcomes)


def _packed(splits: Mapping[str, Outcomes]) -> bytes:
    arrays = {f"{split}_{name}": array for split, given in splits.items() for name, array in vars(given).items()}
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def _unpacked(content: bytes, file: Path) -> dict[str, Outcomes]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {
                split: Outcomes(*(arrays[f"{split}_{name}"] for name in Outcomes.__dataclass_fields__))
                for split in SPLITS
            }
    except (BadZipFile, KeyError, ValueError) as error:
        raise BadInput(f"{file}: holds no outcomes of images ({error}); move the record away") from None


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
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return f"{opened}\n{step}" + f",\n{step}".join(parts) + f"\n{' ' * indent}{closed}"
