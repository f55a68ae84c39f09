"""A sparse network in one file, as `exitprune export --sparse` writes it: the same on every machine, no machine code in it.

    exitprune sparse 1
    SHA-256 of all that follows
    one line of JSON: what the model says of itself, the images, and the steps with the shapes of their weights
    the numbers, step after step: which weights are not zero (a bit each), those weights, biases (float32, little endian)

Reading needs numpy alone. A stranger may have written the file, so nothing in it is believed before it is checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from exitprune.deployment.exported_model import About, Strict, read_bounded
from exitprune.deployment.sparse import steps
from exitprune.deployment.sparse.shapes import shapes_of
from exitprune.deployment.sparse.steps import Floats, Network, Shape, Step
from exitprune.documents import checked, parse_json
from exitprune.errors import BadInput, quoted

NAME, FORMAT = b"exitprune sparse ", 1
LARGEST = 2**28
"""Bytes of a file, and pixels of a map over all its channels."""
WANTED = "export the checkpoint again: exitprune export CHECKPOINT --out DIR --sparse"
KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (steps.Convolution, steps.Split, steps.MaxPool, steps.Combine, steps.Constant, steps.Exit)
}
ARRAYS = ("weight", "bias", "values")
"""Fields of steps that are numbers in the file."""


class SavedStep(Strict):
    """A step without its numbers; `shape` and `kept` are those of its weights, or of its constant map."""

    kind: Literal["Convolution", "Split", "MaxPool", "Combine", "Constant", "Exit"]
    source: int | None = Field(default=None, ge=0)
    target: int | None = Field(default=None, ge=1)
    added: int | None = Field(default=None, ge=0)
    relu: bool | None = None
    kernel: list[int] | None = Field(default=None, min_length=2, max_length=2)
    stride: list[int] | None = Field(default=None, min_length=2, max_length=2)
    padding: list[int] | None = Field(default=None, min_length=2, max_length=2)
    size: list[int] | None = Field(default=None, min_length=2, max_length=2)
    grid: list[int] | None = Field(default=None, min_length=2, max_length=2)
    shape: list[int] | None = Field(default=None, min_length=2, max_length=4)
    kept: int | None = Field(default=None, ge=0)


class Saved(Strict):
    """The line of JSON."""

    about: dict[str, Any]
    shape: list[int] = Field(min_length=3, max_length=3)
    mean: list[float]
    std: list[float]
    steps: list[SavedStep] = Field(min_length=1, max_length=100_000)


def to_bytes(network: Network, about: Mapping[str, Any]) -> bytes:
    """The file.

    Args:
        network: steps.
        about: what `model_card.metadata_of` gives.
    """
    told, numbers = [], []
    for step in network.steps:
        # Not asdict: it would copy every array.
        given = {one.name: getattr(step, one.name) for one in fields(step)}
        line: dict[str, Any] = {"kind": type(step).__name__}
        line |= {name: value for name, value in given.items() if name not in ARRAYS and value is not None}
        main = given.get("weight", given.get("values"))
        if main is not None:
            kept = main != 0
            line |= {"shape": list(main.shape), "kept": int(kept.sum())}
            numbers += [np.packbits(kept).tobytes(), main[kept].astype("<f4").tobytes()]
        if "bias" in given:
            numbers.append(given["bias"].astype("<f4").tobytes())
        told.append(line)
    images = {"shape": list(network.shape), "mean": network.mean.tolist(), "std": network.std.tolist()}
    header = json.dumps({"about": dict(about), **images, "steps": told}, allow_nan=False).encode()
    rest = b"\n".join([header, b"".join(numbers)])
    return b"%s%d\n%s\n%s" % (NAME, FORMAT, sha256(rest).hexdigest().encode(), rest)


def is_sparse(path: Path) -> bool:
    """Whether a file begins as those of this module do."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(NAME)) == NAME


def read(path: Path) -> tuple[Network, About]:
    """A network whose steps fit each other, and what the file says of it.

    Raises:
        BadInput: if the file is missing, not one of ours, of another version, damaged, or holds what cannot be.
    """
    content = read_bounded(path, "model", LARGEST, f"write one with: {WANTED.partition(': ')[2]}")
    first, _, rest = content.partition(b"\n")
    if not first.startswith(NAME):
        raise BadInput(f"{path}: not a model that `exitprune export --sparse` wrote; {WANTED}")
    version = first.removeprefix(NAME).decode(errors="replace")
    if version != str(FORMAT):
        raise BadInput(
            f"{path}: of format {quoted(version)}, this version of exitprune reads {FORMAT}; {WANTED}, "
            "or use the version that wrote it"
        )
    digest, _, rest = rest.partition(b"\n")
    if digest != sha256(rest).hexdigest().encode():
        raise BadInput(f"{path}: is damaged: its content is not the one it was written with; {WANTED}")
    header, _, numbers = rest.partition(b"\n")
    saved = checked(Saved, parse_json(header, path), path)
    about = checked(About, saved.about, path)
    try:
        network = _network(saved, numbers)
        shapes = shapes_of(network)
        if max(prod(shape) for shape in shapes) > LARGEST:
            raise ValueError(f"maps of up to {max(map(prod, shapes)):,} pixels")
    except ValueError as error:
        raise BadInput(f"{path}: its steps do not make a network ({error}); {WANTED}") from None
    if [cost.exit for cost in about.exits] != list(range(len(network.exits))):
        raise BadInput(f"{path}: says {len(about.exits)} exits of itself and has {len(network.exits)}; {WANTED}")
    if len(about.classes) != len(network.exits[-1].bias):
        raise BadInput(f"{path}: names {len(about.classes)} classes for {len(network.exits[-1].bias)}; {WANTED}")
    return network, about


def _network(saved: Saved, numbers: bytes) -> Network:
    reader = _Numbers(numbers)
    made = [_step(one, reader) for one in saved.steps]
    if reader.place != len(numbers):
        raise ValueError("more numbers than steps have")
    if not (np.abs([*saved.mean, *saved.std]) <= np.finfo(np.float32).max).all():
        raise ValueError("a mean or deviation that float32 does not hold")
    mean, std = (np.array(values, np.float32) for values in (saved.mean, saved.std))
    if not (std > 0).all():
        raise ValueError("deviations that are not above zero")
    return Network(_three(saved.shape), mean, std, tuple(made))


def _three(shape: list[int]) -> Shape:
    channels, height, width = shape
    if min(shape) < 1:
        raise ValueError(f"images of {shape}")
    return channels, height, width


def _step(saved: SavedStep, reader: _Numbers) -> Step:
    kind = KINDS[saved.kind]
    given: dict[str, Any] = saved.model_dump(exclude={"kind"}, exclude_none=True)
    told: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    shape: tuple[int, ...] | None = told.pop("shape", None)
    kept: int | None = told.pop("kept", None)
    names = {one.name for one in fields(kind)}
    if names & {"weight", "values"}:
        if shape is None or kept is None or min(shape) < 1:
            raise ValueError(f"a {saved.kind} without numbers")
        told["weight" if "weight" in names else "values"] = reader.sparse(shape, kept)
        if "bias" in names:
            told["bias"] = reader.floats(shape[0])
    try:
        step: Step = kind(**told)
    except TypeError as error:
        raise ValueError(f"a {saved.kind} with too little or too much ({error})") from None
    return step


class _Numbers:
    """Numbers one after the other."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def _take(self, length: int) -> bytes:
        part = self.content[self.place : self.place + length]
        self.place += length
        if len(part) != length:
            raise ValueError("fewer numbers than steps need")
        return part

    def floats(self, count: int) -> Floats:
        values = np.frombuffer(self._take(4 * count), "<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError("a number that is not finite")
        return values

    def sparse(self, shape: tuple[int, ...], kept: int) -> Floats:
        """An array of which few numbers are in the file."""
        size = prod(shape)
        bits = np.frombuffer(self._take(-(-size // 8)), np.uint8)
        there: npt.NDArray[np.bool_] = np.unpackbits(bits, count=size).astype(bool)
        if int(there.sum()) != kept:
            raise ValueError(f"{kept} weights said and {int(there.sum())} there")
        values = np.zeros(size, np.float32)
        values[there] = self.floats(kept)
        return values.reshape(shape)
