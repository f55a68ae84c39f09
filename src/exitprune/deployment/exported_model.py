"""An exported model as a stranger may have changed it: everything it says of itself is checked before it is believed.

Needs onnxruntime, not torch.

Letters: N images, C channels, H and W height and width.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from exitprune.deployment.extras import extra, onnxruntime_session
from exitprune.deployment.seal import ENTRY, broken, check_seal
from exitprune.documents import checked, parse_json
from exitprune.errors import BadInput, plain, quoted

ENTRIES = {"classes", "exits", "operating_points"}
INPUTS = {"pixels": "tensor(uint8)", "threshold": "tensor(float)"}
OUTPUTS = {"class": "tensor(int64)", "confidence": "tensor(float)", "exit": "tensor(int64)"}
LARGEST = 2**31  # bytes of a model: the most that protobuf allows
WANTED = "give the model.onnx that `exitprune export` wrote"
GRACE = 5  # seconds in which onnxruntime must obey before the process ends


class Strict(BaseModel):
    """Types as they are, no number that is none; what a later version adds is passed over."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, frozen=True)


class ExitCost(Strict):
    """What leaving at an exit costs."""

    exit: int = Field(ge=0)
    macs: int = Field(ge=0, le=10**18)
    macs_executed: int = Field(ge=0, le=10**18)


class Threshold(Strict):
    """An operating point."""

    rule: str = Field(min_length=1, max_length=200)
    threshold: float


class About(Strict):
    """What the model file says of itself."""

    classes: list[Annotated[str, Field(max_length=1000)]] = Field(min_length=1, max_length=100_000)
    exits: list[ExitCost] = Field(min_length=1, max_length=10_000)
    operating_points: list[Threshold] = Field(max_length=1000)
    chosen: str | None = Field(default=None, max_length=200)
    """The operating point that is used unless another is named."""
    resized: bool = False
    """Whether images are scaled and cropped to the size that it takes, as they were for training."""


class Model(Protocol):
    """What answers images, whatever runs it."""

    @property
    def about(self) -> About:
        """What it says of itself."""

    @property
    def channels(self) -> int:
        """C of the images."""

    @property
    def height(self) -> int:
        """H of the images."""

    @property
    def width(self) -> int:
        """W of the images."""

    def run(self, pixels: npt.NDArray[np.uint8], threshold: float) -> tuple[npt.NDArray[Any], ...]:
        """Class, confidence and exit, (N,) each, of (N, C, H, W) pixels."""


class ExportedModel:
    """The model, ready to run.

    Args:
        path: of the .onnx file, or of a pipe.
        num_threads: that onnxruntime may use.
        seconds: the longest that loading, or answering once, may take.
        content: of the file, if it is at hand.

    Raises:
        BadInput: if onnxruntime is not installed, or the file is missing or not one of ours.
    """

    def __init__(self, path: Path, num_threads: int = 1, seconds: float = 60, content: bytes | None = None) -> None:
        self.path, self.seconds, self.runtime = path, seconds, extra("onnxruntime")
        kinds = vars(extra("onnxruntime.capi.onnxruntime_pybind11_state")).values()
        theirs = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)]
        self.errors: tuple[type[Exception], ...] = (*theirs, RuntimeError, ValueError)
        if content is None:
            content = read_bounded(path, "model", LARGEST, "write one with: exitprune export CHECKPOINT --out DIR")
        self.is_sealed = check_seal(content, path)
        try:
            with self._within("loaded"):
                self.session = onnxruntime_session(content, num_threads)
        except self.errors:
            raise BadInput(f"{path}: not an ONNX model that runs here; {WANTED}") from None
        properties = self.session.get_modelmeta().custom_metadata_map
        if not properties.keys() >= ENTRIES:
            raise BadInput(f"{path}: an ONNX model, but not one that `exitprune export` wrote; {WANTED}")
        if ENTRY in properties and not self.is_sealed:
            raise broken(path)
        there = [name for name in About.model_fields if name in properties]
        text = ", ".join(f'"{name}": {properties[name]}' for name in there)
        self.about = checked(About, parse_json(f"{{{text}}}", path), path)
        if [cost.exit for cost in self.about.exits] != list(range(len(self.about.exits))):
            raise BadInput(f"{path}: its exits are not numbered 0, 1, 2, ...; {WANTED}")
        self.channels, self.height, self.width = self._shape()

    def _shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images, if inputs and outputs are those that the export writes."""
        inputs = {one.name: one for one in self.session.get_inputs()}
        outputs = {one.name: one.type for one in self.session.get_outputs()}
        if {name: one.type for name, one in inputs.items()} != INPUTS or not outputs.items() >= OUTPUTS.items():
            raise BadInput(
                f"{self.path}: its inputs and outputs are not those that `exitprune export` writes; {WANTED}"
            )
        match inputs["pixels"].shape:
            case [_, 1 | 3 as channels, int(height), int(width)] if height > 0 and width > 0:
                return channels, height, width
            case shape:
                raise BadInput(f"{self.path}: takes pixels of shape {quoted(shape)}, not (N, 1 or 3, H, W); {WANTED}")

    def run(self, pixels: npt.NDArray[np.uint8], threshold: float) -> tuple[npt.NDArray[Any], ...]:
        """Class, confidence and exit, (N,) each, of (N, C, H, W) pixels.

        Raises:
            BadInput: if the model fails, takes too long, or answers what it says it cannot.
        """
        feed = {"pixels": pixels, "threshold": np.array(threshold, dtype=np.float32)}
        try:
            with self._within("answered") as options:
                answers = tuple(np.asarray(one) for one in self.session.run(list(OUTPUTS), feed, options))
        except self.errors as error:
            late = f"has not answered within {self.seconds:g} s" if options.terminate else "fails while it runs"
            raise BadInput(f"{self.path}: {late} ({error}); {WANTED}") from None
        bounds = (len(self.about.classes) - 1, 1.0001, len(self.about.exits) - 1)  # a softmax may round up
        for name, values, highest in zip(OUTPUTS, answers, bounds, strict=True):
            if values.shape != (len(pixels),) or not ((values >= 0) & (values <= highest)).all():
                raise BadInput(
                    f"{self.path}: answers the {name} {quoted(values.tolist())}, not 0 to {highest:g}; {WANTED}"
                )
        return answers

    @contextmanager
    def _within(self, done: str) -> Iterator[Any]:
        """Run options that end the block after the seconds there are; what does not obey ends with the process."""
        options = self.runtime.RunOptions()
        options.log_severity_level = 4  # its errors come as exceptions; a log would print a stranger's names
        timer = threading.Timer(self.seconds, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            with ending_within(self.seconds + GRACE, f"{plain(self.path)}: not {done} within {self.seconds:g} s"):
                yield options
        finally:
            timer.cancel()


@contextmanager
def ending_within(seconds: float, otherwise: str) -> Iterator[None]:
    """End the process, with a sentence, if the block takes longer; what runs there may be deaf to anything less."""

    def give_up() -> None:
        sys.stderr.write(f"exitprune: {otherwise}; {WANTED}\n")
        sys.stderr.flush()
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def read_bounded(path: Path, what: str, largest: int, otherwise: str) -> bytes:
    """The bytes of a file or a pipe; `-` is standard input.

    Args:
        path: where.
        what: it should be, in an error.
        largest: so many bytes at most.
        otherwise: what to do where there is none.

    Raises:
        BadInput: if it is missing, a folder, cannot be read, or never ends.
    """
    try:
        if str(path) == "-":
            content = sys.stdin.buffer.read(largest + 1)
        else:
            with path.open("rb") as file:
                content = file.read(largest + 1)
    except FileNotFoundError:
        raise BadInput(f"{path}: there is no such {what}; {otherwise}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{path}: cannot be read as a {what} ({reason}); {otherwise}") from None
    if len(content) > largest:
        raise BadInput(f"{path}: has more than {largest:,} bytes, too many for a {what}; {otherwise}")
    return content
