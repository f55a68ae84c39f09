"""Predict with an exported model: class, confidence, exit taken, MACs and milliseconds of image files.

Needs the model file alone, and onnxruntime; not torch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from exitprune.data.datasets.folder import decode
from exitprune.deployment.extras import extra, onnxruntime_session
from exitprune.errors import BadInput

MODES = {1: "L", 3: "RGB"}


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


class Model:
    """An exported model.

    Args:
        path: of the .onnx file.
        num_threads: that onnxruntime may use.

    Raises:
        BadInput: if onnxruntime is not installed, or the file is missing or not one of ours.
    """

    def __init__(self, path: Path, num_threads: int = 1) -> None:
        if not path.is_file():
            raise BadInput(f"{path}: there is no such model; write one with: exitprune export CHECKPOINT --out DIR")
        refused = extra("onnxruntime.capi.onnxruntime_pybind11_state")
        try:
            self.session = onnxruntime_session(str(path), num_threads)
        except (refused.InvalidProtobuf, refused.InvalidGraph, refused.Fail, refused.NoModel, refused.InvalidArgument):
            raise BadInput(f"{path}: not an ONNX model; give the model.onnx that `exitprune export` wrote") from None
        properties = self.session.get_modelmeta().custom_metadata_map
        if not {"classes", "exits", "operating_points"} <= properties.keys():
            raise BadInput(f"{path}: an ONNX model, but not one that `exitprune export` wrote")
        self.classes: list[str] = json.loads(properties["classes"])
        self.exits: list[dict[str, Any]] = json.loads(properties["exits"])
        self.thresholds: dict[str, float] = {
            point["rule"]: point["threshold"] for point in json.loads(properties["operating_points"])
        }
        _, self.channels, self.height, self.width = self.session.get_inputs()[0].shape

    def threshold_of(self, rule: str | None) -> float:
        """The threshold of an operating point; None: the first.

        Raises:
            BadInput: if the model has no such operating point.
        """
        if not self.thresholds:
            raise BadInput("the model has no operating points (it was exported without its data); give --threshold")
        if rule is None:
            return next(iter(self.thresholds.values()))
        if rule not in self.thresholds:
            raise BadInput(f"the model has no operating point {rule!r}; allowed: {', '.join(self.thresholds)}")
        return self.thresholds[rule]

    def run(self, pixels: npt.NDArray[np.uint8], threshold: float) -> tuple[npt.NDArray[Any], ...]:
        """Class, confidence and exit, (N,) each, of (N, C, H, W) pixels."""
        feed = {"pixels": pixels, "threshold": np.array(threshold, dtype=np.float32)}
        return tuple(self.session.run(["class", "confidence", "exit"], feed))

    def read(self, path: Path) -> npt.NDArray[np.uint8]:
        """(1, C, H, W) pixels of an image file, turned grey or coloured as the model needs.

        Raises:
            BadInput: if the file is missing, no image, not 8-bit grey or RGB, or of another size.
        """
        if not path.is_file():
            raise BadInput(f"{path}: there is no such image")
        image = Image.fromarray(decode(path, path)).convert(MODES[self.channels])
        if image.size != (self.width, self.height):
            raise BadInput(
                f"{path}: {image.width} x {image.height} pixels, but the model takes {self.width} x {self.height}; "
                "resize the image first"
            )
        pixels = np.asarray(image, dtype=np.uint8).reshape(self.height, self.width, self.channels)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])

    def predict(self, paths: Sequence[Path], threshold: float) -> list[Prediction]:
        """Read all images, then predict one by one, as they would come in.

        Raises:
            BadInput: if one of them cannot be read; then none is predicted.
        """
        pixels = [self.read(path) for path in paths]
        if pixels:
            self.run(pixels[0], threshold)  # the first run sets up memory and is slow
        return [self._predict(path, image, threshold) for path, image in zip(paths, pixels, strict=True)]

    def _predict(self, path: Path, pixels: npt.NDArray[np.uint8], threshold: float) -> Prediction:
        before = time.perf_counter()
        label, confidence, exit_ = (values[0] for values in self.run(pixels, threshold))
        seconds = time.perf_counter() - before
        cost = self.exits[exit_]
        return Prediction(
            image=str(path),
            label=self.classes[label],
            confidence=float(confidence),
            exit=int(exit_),
            macs=cost["macs"],
            macs_executed=cost["macs_executed"],
            milliseconds=1000 * seconds,
        )
