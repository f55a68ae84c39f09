"""Eight bits: a model that exits early, quantised by onnxruntime; exits and compaction stay as they are.

Weights become signed bytes with a scale per channel, activations unsigned bytes with a scale per value, found by the smallest and
the largest on calibration images (QDQ form). Normalisation, softmax, and who leaves stay in float32. Zeros stay zeros.

Letters: E exits, N images, C channels, H and W height and width, K classes.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from exitprune.deployment.extras import extra, onnxruntime_session
from exitprune.deployment.onnx_export import LAST
from exitprune.errors import BadInput
from exitprune.networks.early_exit import EXIT

QUANTISED = ["Conv", "Gemm", "Add", "Relu"]
"""What is computed in eight bits; pooling in eight bits as well is no faster."""
CALIBRATED_ON = 512
"""Images at most."""
BATCH = 64
NOBODY = 2.0
"""A threshold at which nobody leaves early, so that every exit sees every image."""


def calibration_images(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Some of (N, C, H, W) images, spread over all of them: some data sets come class by class."""
    return pixels[:: max(1, -(-len(pixels) // CALIBRATED_ON))]


def quantised(model: Any, pixels: npt.NDArray[np.uint8]) -> Any:
    """The model in eight bits.

    Args:
        model: from `build_model`.
        pixels: (N, C, H, W), to calibrate with.

    Returns:
        An onnx.ModelProto with the same inputs, outputs and metadata.

    Raises:
        BadInput: if onnx or onnxruntime is not installed.
    """
    onnx, quantization = extra("onnx"), extra("onnxruntime.quantization")
    given = onnx.ModelProto()
    given.CopyFrom(model)  # quantising moves the weights of what it is given into a file
    with tempfile.TemporaryDirectory() as folder, _quiet():
        path = Path(folder, "model.onnx")
        quantization.quantize_static(
            given,
            path,
            _Batches(pixels),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=QUANTISED,
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,  # onnxruntime has no fast kernels for two signed bytes
            weight_type=quantization.QuantType.QInt8,
            calibrate_method=quantization.CalibrationMethod.MinMax,
        )
        made = onnx.load(path)
    del made.metadata_props[:]
    made.metadata_props.extend(model.metadata_props)
    return made


def logits_of(model: Any, pixels: npt.NDArray[np.uint8], num_exits: int, num_threads: int) -> Tensor:
    """What every exit of a model answers to every image, before any temperature.

    Args:
        model: from `build_model`, quantised or not.
        pixels: (N, C, H, W).
        num_exits: E.
        num_threads: that onnxruntime may use.

    Returns:
        (E, N, K) float32.

    Raises:
        BadInput: if the model was traced: where its exits answer is not known by name then.
    """
    onnx = extra("onnx")
    answers = [*(f"{EXIT}{number}.class" for number in range(num_exits - 1)), f"{LAST}.class"]
    inputs = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "ArgMax"}
    if not set(answers) <= inputs.keys():
        raise BadInput("--int8: not for a network that is exported by tracing it; leave it out")
    told = onnx.ModelProto()
    told.CopyFrom(model)
    names = [inputs[answer] for answer in answers]
    told.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None, None]) for name in names
    )
    session = onnxruntime_session(told.SerializeToString(), num_threads)
    parts = [np.stack(session.run(names, feed)) for feed in _feeds(pixels)]
    return torch.from_numpy(np.concatenate(parts, axis=1))


def _feeds(pixels: npt.NDArray[np.uint8]) -> Iterator[dict[str, Any]]:
    for start in range(0, len(pixels), BATCH):
        yield {"pixels": pixels[start : start + BATCH], "threshold": np.array(NOBODY, dtype=np.float32)}


class _Batches:
    """What onnxruntime asks for calibration images, batch by batch."""

    def __init__(self, pixels: npt.NDArray[np.uint8]) -> None:
        self._feeds = _feeds(pixels)

    def get_next(self) -> dict[str, Any] | None:
        return next(self._feeds, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """onnxruntime advises a preprocessing that the export has done: batch norm is folded, shapes are told."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
