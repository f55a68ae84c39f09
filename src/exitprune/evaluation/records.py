"""Records: what one seed contributes under one recipe, small enough for git; all that is said over seeds is said from these.

A record is a folder: `record.json` for people and `git diff`, and a file of outcomes for each state that thresholds are tried
on, with every test and validation image's confidence and correctness at each exit, exact. From these every table can be
computed, and images can be drawn anew. No network and no logits are needed.

Letters: E exits, N images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator, model_validator

from exitprune.config.section import Section
from exitprune.data.manifest import Manifest
from exitprune.evaluation.arrays import packed
from exitprune.evaluation.sealed_json import sealed
from exitprune.storage import write_bytes

FORMAT = 1
FILE = "record.json"
SPLITS = ("validation", "test")
INT8 = "int8"
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


Whole = Annotated[int, Field(ge=0, le=10**18)]
Count = Annotated[int, Field(ge=1, le=10**8)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(max_length=1000)]


class Images(Manifest):
    """What a record says of the images: their manifest, and how many there are of each class in each split."""

    source: Name
    counts: dict[Literal["train", "validation", "test"], Annotated[dict[str, Whole], Field(min_length=1)]]

    @field_validator("counts")
    @classmethod
    def _has_test_images(cls, counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
        if not sum(counts.get("test", {}).values()):
            raise ValueError("there are no test images")
        return counts


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

    name: Name
    level: Whole
    state: State
    prune: Name | None
    """Group that its round pruned."""
    weights_sha256: Name
    sparsity: dict[Literal["all", "base", "exits"], Share]
    """By group."""
    num_images: dict[Annotated[str, Field(pattern="^(validation|test|sample)$")], Count]
    """That it was evaluated on, by split: validation and test, or a sample of the validation images alone."""
    accuracy: dict[str, list[Share]]
    """By split, if all images left there."""
    macs: list[Annotated[int | float, Field(ge=0, le=1e18)]]
    """Per image; the mean where it depends on the image."""
    macs_dense: list[Whole]
    params: list[Whole]
    params_dense: list[Whole]
    macs_after_removal: Whole | None
    """That dense kernels still do once what is empty is taken out exactly."""
    emptied: dict[str, Whole | None]
    """Filters, channels and branches, and how many of them have no weight left."""
    calibration: list[Calibration]

    @model_validator(mode="after")
    def _lists_have_a_value_per_exit(self) -> Self:
        lists = [getattr(self, name) for name in ("macs", "macs_dense", "params", "params_dense")]
        lists += [values for one in self.calibration for values in vars(one).values() if isinstance(values, list)]
        lists += self.accuracy.values()
        if len(set(map(len, lists))) > 1:
            raise ValueError("lists of one value per exit are of different lengths")
        if self.accuracy.keys() != self.num_images.keys():
            raise ValueError("accuracy and num_images are of different splits")
        if not {"sample", *(SPLITS if self.state in SWEPT else ())} <= self.accuracy.keys():
            raise ValueError(f"it was not evaluated on all images that one in the state {self.state} is")
        return self


class Layer(Section):
    """A prunable layer after the last round."""

    layer: Name
    group: Name
    weights: Whole
    kept: Whole


class MadeOf(Section):
    """See `origin.ingredients`."""

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
    seconds: dict[Name, Annotated[float, Field(ge=0, le=1e12)]]
    """By stage, as far as they were timed; base and heads are shared by the recipes of a seed."""


class About(Section):
    """What `record.json` holds."""

    format: Literal[1]
    study: Name
    seed: Whole
    recipe: Name
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

    @field_validator("data")
    @classmethod
    def _is_a_manifest(cls, data: dict[str, Any]) -> dict[str, Any]:
        Images.model_validate(data)
        return data

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        states = [level.state for level in self.levels]
        if states != ["unpruned", *["intermediate"] * (len(states) - 3), "final", "recovered"]:
            raise ValueError("levels are not unpruned, intermediate, final and recovered, in this order")
        if wrong := [level.name for level in self.levels if len(level.macs) != len(self.blocks)]:
            raise ValueError(f"{wrong[0]} has not one value for each of {len(self.blocks)} exits")
        return self


@dataclass(frozen=True)
class Record:
    """One seed under one recipe."""

    about: About
    outcomes: Mapping[State, Mapping[str, Outcomes]]
    """By state and split."""
    int8: Mapping[State, Mapping[str, Outcomes]] = field(default_factory=dict)
    """Of the same networks in eight bits, as far as they were timed."""


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
    write_bytes(folder / FILE, sealed(whole.model_dump()))


def write_int8(folder: Path, weights_sha256: str, splits: Mapping[str, Outcomes]) -> None:
    """What one of a record's networks does in eight bits, beside the record, of which it is no part: it is measured later.

    Args:
        folder: of the record.
        weights_sha256: of the weights in float32; with others it does not count.
        splits: outcomes by split.
    """
    write_bytes(folder / int8_file(weights_sha256), _packed(splits))


def int8_file(weights_sha256: str) -> str:
    """Where, beside a record, the outcomes of one of its networks in eight bits stand."""
    return f"{INT8}-{weights_sha256[:16]}.npz"


def _packed(splits: Mapping[str, Outcomes]) -> bytes:
    return packed({f"{split}_{name}": array for split, given in splits.items() for name, array in vars(given).items()})
