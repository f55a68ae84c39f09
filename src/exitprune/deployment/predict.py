"""Predict with an exported model: class, confidence, exit taken, MACs and milliseconds of image files.

Needs the model file alone, and onnxruntime or llvmlite; not torch.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from exitprune.data.image_files import decode
from exitprune.data.walk import images_below
from exitprune.deployment.exported_model import Model, read_bounded
from exitprune.errors import BadInput, quoted

MODES = {1: "L", 3: "RGB"}
LARGEST = 2**28  # bytes of an image file


@dataclass(frozen=True)
class Prediction:
    """What the model says of one image.

    `macs` leaves zero weights out; `macs_executed` is what was computed; `milliseconds` were measured, decoding the file
    not included.
    """

    image: str
    label: str
    confidence: float
    exit: int
    macs: int
    macs_executed: int
    milliseconds: float


def threshold_of(model: Model, rule: str | None) -> tuple[str, float]:
    """An operating point and its threshold; None: the one that was chosen on export.

    Raises:
        BadInput: if the model has no such operating point.
    """
    points = {point.rule: point.threshold for point in model.about.operating_points}
    if not points:
        raise BadInput("the model has no operating points (it was exported without its data); give --threshold")
    wanted = (model.about.chosen or next(iter(points)) if rule is None else rule).replace(
        "<=", "="
    )  # as they were called once
    for name, threshold in points.items():
        if name.replace("<=", "=") == wanted:
            return name, threshold
    allowed = ", ".join(points)
    raise BadInput(f"the model has no operating point {quoted(wanted)}; give --threshold, or one of: {allowed}")


def find_images(paths: Sequence[Path]) -> tuple[list[Path], int]:
    """The images of folders, in alphabetical order with those of their folders, in place of the folders.

    Returns:
        Also how many other files were passed over there.

    Raises:
        BadInput: if a folder has no images.
    """
    found: list[Path] = []
    num_passed_over = 0
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        images, passed_over = images_below(path)
        if not images:
            raise BadInput(f"{path}: has no images; give image files, or a folder with some")
        num_passed_over += passed_over
        found += images
    return found, num_passed_over


def predict(model: Model, paths: Sequence[Path], threshold: float) -> Iterator[Prediction]:
    """Answer images one by one, as they would come in.

    Raises:
        BadInput: if one of them cannot be read.
    """
    for number, path in enumerate(paths):
        pixels = read(model, path)
        if number == 0:
            model.run(pixels, threshold)  # the first run sets up memory and is slow
        before = time.perf_counter()
        label, confidence, exit_ = (values[0] for values in model.run(pixels, threshold))
        seconds = time.perf_counter() - before
        cost = model.about.exits[exit_]
        yield Prediction(
            image=str(path),
            label=model.about.classes[label],
            confidence=float(confidence),
            exit=int(exit_),
            macs=cost.macs,
            macs_executed=cost.macs_executed,
            milliseconds=1000 * seconds,
        )


def read(model: Model, path: Path) -> npt.NDArray[np.uint8]:
    """(1, C, H, W) pixels of an image file, read as for training; `-` is standard input.

    They are turned grey or coloured as the model needs, and scaled and cropped if those it was trained on were.

    Raises:
        BadInput: if the file is missing, no image, not 8-bit grey or RGB, or of another size, or the model takes no such images.
    """
    if model.channels not in MODES:
        raise BadInput(
            f"the model takes images of {model.channels} channels, image files have 1 or 3; call it from Python"
        )
    content = read_bounded(path, "image", LARGEST, "give image files, folders of them, or - for standard input")
    size = (model.height, model.width) if model.about.resized else None
    image = Image.fromarray(decode(io.BytesIO(content), path, size)).convert(MODES[model.channels])
    if image.size != (model.width, model.height):
        raise BadInput(
            f"{path}: {image.width} x {image.height} pixels, but the model takes {model.width} x {model.height}; "
            "resize the image first, or train with data.size, which is kept with the model"
        )
    pixels = np.asarray(image, dtype=np.uint8).reshape(model.height, model.width, model.channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
