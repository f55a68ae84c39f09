"""Eight bits: the exits stay, images of a batch leave as they would alone, and what is told of it is what it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch

from exitprune.deployment.extras import onnxruntime_session
from exitprune.deployment.folding import fold
from exitprune.deployment.int8 import CALIBRATED_ON, calibration_images, logits_of, quantised
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.removal import remove_dead_channels
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from exitprune.networks.early_exit import EarlyExitNetwork
from tests.as_if_trained import empty_, enliven_, spread_confidences_
from tests.conftest import make_network

MEAN, STD = [0.5, 0.45, 0.4], [0.25, 0.2, 0.3]


@pytest.fixture(scope="module")
def network() -> EarlyExitNetwork:
    """Some of its filters and channels are empty."""
    network = empty_(enliven_(make_network(depth=8, exits=(1, 2), channels=3, side=12)))
    return remove_dead_channels(fold(spread_confidences_(network)))


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (70, 3, 12, 12), dtype=np.uint8)


@pytest.fixture(scope="module")
def models(network: EarlyExitNetwork, pixels: np.ndarray) -> tuple[Any, Any]:
    """In single precision, and in eight bits."""
    model = build_model(network, MEAN, STD, metadata={"classes": list("abcd")})
    return model, quantised(model, pixels)


def run(model: Any, pixels: np.ndarray, threshold: float) -> list[np.ndarray]:
    feed = {"pixels": pixels, "threshold": np.array(threshold, dtype=np.float32)}
    answers = onnxruntime_session(model.SerializeToString(), 1).run(["class", "confidence", "exit"], feed)
    return [np.asarray(one) for one in answers]


def test_every_convolution_and_head_is_in_eight_bits_and_compaction_stays(models: tuple[Any, Any]) -> None:
    before, after = (
        {kind: sum(node.op_type == kind for node in model.graph.node) for kind in ("Conv", "Gemm", "Compress")}
        for model in models
    )
    assert before == after
    made = {node.output[0]: node for node in models[1].graph.node}
    for node in models[1].graph.node:
        if node.op_type in ("Conv", "Gemm"):
            assert {made[name].op_type for name in node.input[:2]} == {"DequantizeLinear"}
    weights = [tensor for tensor in models[1].graph.initializer if tensor.name.endswith("weight_quantized")]
    assert weights
    assert {tensor.data_type for tensor in weights} == {onnx.TensorProto.INT8}


def test_inputs_outputs_and_metadata_are_those_of_the_model(models: tuple[Any, Any]) -> None:
    for what in ("input", "output"):
        one, other = ([(v.name, v.type.tensor_type.elem_type) for v in getattr(m.graph, what)] for m in models)
        assert one == other
    assert list(models[0].metadata_props) == list(models[1].metadata_props)


@pytest.mark.parametrize("threshold", [0.3, 0.6, 0.9, 2.0])
def test_what_every_exit_answers_is_what_images_leave_with(
    models: tuple[Any, Any], pixels: np.ndarray, threshold: float
) -> None:
    logits = logits_of(models[1], pixels, 3, 1)
    answers, confidence, exits = run(models[1], pixels, threshold)
    expected = first_confident_exit(confidence_of(logits), threshold)
    each = torch.arange(len(pixels))
    assert exits.tolist() == expected.tolist()
    assert answers.tolist() == logits.argmax(-1)[expected, each].tolist()
    np.testing.assert_allclose(confidence, confidence_of(logits)[expected, each], atol=1e-6)


def test_it_answers_nearly_as_in_single_precision(
    models: tuple[Any, Any], network: EarlyExitNetwork, pixels: np.ndarray
) -> None:
    exact, eight = (logits_of(model, pixels, 3, 1) for model in models)
    mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        torch.testing.assert_close(exact, network((torch.from_numpy(pixels) / 255 - mean) / std), rtol=0, atol=1e-3)
    assert ((exact - eight).abs().mean() / exact.std()) < 0.1
    assert (exact.argmax(-1) == eight.argmax(-1)).double().mean() > 0.9


def test_the_images_of_a_batch_do_not_see_each_other(models: tuple[Any, Any], pixels: np.ndarray) -> None:
    whole = run(models[1], pixels[:9], 0.6)
    alone = [run(models[1], pixels[number : number + 1], 0.6) for number in range(9)]
    for one, parts in zip(whole, zip(*alone, strict=True), strict=True):
        np.testing.assert_allclose(one, np.concatenate(parts), atol=1e-6)


def test_the_same_images_give_the_same_bytes(models: tuple[Any, Any], pixels: np.ndarray) -> None:
    assert quantised(models[0], pixels).SerializeToString() == models[1].SerializeToString()


def test_a_model_whose_exits_have_other_names_is_refused(models: tuple[Any, Any], pixels: np.ndarray) -> None:
    with pytest.raises(BadInput, match="exported by tracing"):
        logits_of(models[1], pixels, 4, 1)


@pytest.mark.parametrize(("there", "taken"), [(3, 3), (512, 512), (513, 257), (5000, 500)])
def test_calibration_images_are_spread_over_all(there: int, taken: int) -> None:
    pixels = np.arange(there, dtype=np.int64)[:, None, None, None]
    got = calibration_images(pixels)  # type: ignore[arg-type]
    assert len(got) == taken <= CALIBRATED_ON
    assert got.max() > 0.99 * (there - 1) - 1
