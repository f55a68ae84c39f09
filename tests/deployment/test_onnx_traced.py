"""ONNX of any network: answers and exits are those of PyTorch for batches of any size, without If and Loop."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

import exitprune
from exitprune.deployment.exported_model import ExportedModel
from exitprune.deployment.extras import onnxruntime_session
from exitprune.evaluation.exiting import confidence_of
from exitprune.library.early_exits import EarlyExits
from tests.networks.any_network import CASES, SIDE, Case, noise
from tests.networks.test_any_network import SLOW, in_wide_gaps, wrapped
from tests.networks.test_numbering import built

MEAN, STD = [0.5, 0.45, 0.4], [0.25, 0.2, 0.3]
FAST = "shufflenet_v2_x0_5"
HAS_OPENVINO = importlib.util.find_spec("openvino") is not None
IN_OPENVINO = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", FAST, "vision_transformer")
Answering = Callable[[dict[str, Any]], list[Any]]
"""Pixels and a threshold to class, confidence and exit."""
slow = [pytest.param(case, id=name, marks=pytest.mark.slow) for name, case in CASES.items() if name != FAST]


def pixels(num: int, seed: int, side: int = SIDE) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (num, 3, side, side), generator=draw, dtype=torch.uint8)


def normalised(given: Tensor) -> Tensor:
    mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (MEAN, STD))
    return (given.float() / 255 - mean) / std


def pruned(case: Case) -> EarlyExits:
    net = wrapped(case)
    images = normalised(pixels(8, 1))
    net.prune(images, torch.arange(8), sparsity=0.3, rounds=1, finetune={"epochs": 0})
    net.eval()
    return net


def in_onnxruntime(path: Path) -> Answering:
    session = onnxruntime_session(path.read_bytes(), 1)
    return lambda feed: list(session.run(["class", "confidence", "exit"], feed))


def in_openvino(path: Path) -> Answering:
    import openvino

    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def answers(feed: dict[str, Any]) -> list[Any]:
        given = compiled(feed)
        return [given[name] for name in ("class", "confidence", "exit")]

    return answers


def assert_answers_like_pytorch(net: EarlyExits, answering: Answering, side: int = SIDE) -> None:
    for num in (1, 7, 33):
        given = pixels(num, num + 2, side)
        with torch.no_grad():
            gaps = in_wide_gaps(confidence_of(net(normalised(given)))[:-1])
        for threshold in (-1.0, *gaps, 1.0):
            logits, taken = net(normalised(given), threshold=threshold)
            feed = {"pixels": given.numpy(), "threshold": np.array(threshold, dtype=np.float32)}
            label, sure, exits = answering(feed)
            np.testing.assert_array_equal(exits, taken.numpy())
            np.testing.assert_array_equal(label, logits.argmax(-1).numpy())
            np.testing.assert_allclose(sure, confidence_of(logits).numpy(), rtol=0, atol=5e-4)


@pytest.mark.parametrize("case", [pytest.param(CASES[FAST], id=FAST), *slow, *SLOW[-8:]])
def test_the_exported_model_answers_and_leaves_like_pytorch(case: Case, tmp_path: Path) -> None:
    net = pruned(case)
    net.export(tmp_path / "model.onnx", MEAN, STD)
    model = onnx.load(tmp_path / "model.onnx")
    assert not {node.op_type for node in model.graph.node} & {"If", "Loop"}
    assert_answers_like_pytorch(net, in_onnxruntime(tmp_path / "model.onnx"))
    loaded = ExportedModel(tmp_path / "model.onnx")
    assert (loaded.channels, loaded.height, loaded.width) == (3, SIDE, SIDE)
    assert [cost.macs for cost in loaded.about.exits] == [exit_.macs for exit_ in net.exits]


@pytest.mark.slow
@pytest.mark.skipif(not HAS_OPENVINO, reason="OpenVINO is not installed: pip install openvino")
@pytest.mark.parametrize("name", IN_OPENVINO)
def test_openvino_answers_and_leaves_like_pytorch(name: str, tmp_path: Path) -> None:
    net = pruned(CASES[name])
    net.export(tmp_path / "model.onnx", MEAN, STD)
    assert_answers_like_pytorch(net, in_openvino(tmp_path / "model.onnx"))


def test_averages_to_sizes_that_do_not_divide_the_map_are_exported(tmp_path: Path) -> None:
    pool, fc = nn.AdaptiveAvgPool2d((3, None)), nn.Linear(4 * 3 * 5, 10)
    module = nn.Sequential(nn.Conv2d(3, 4, 4), nn.ReLU(), pool, nn.Flatten(), fc)  # of maps of 5 x 5
    net = exitprune.wrap(module, ["1"], noise(2, side=8), pool=4).eval()
    net.export(tmp_path / "model.onnx", MEAN, STD)
    assert_answers_like_pytorch(net, in_onnxruntime(tmp_path / "model.onnx"), side=8)


def test_a_network_without_early_exits_takes_a_threshold_all_the_same(tmp_path: Path) -> None:
    net = exitprune.wrap(built(3, 4), [], noise(2, side=8)).eval()
    net.export(tmp_path / "model.onnx", MEAN, STD)
    given = pixels(5, 3, 8)
    label, _, exits = ExportedModel(tmp_path / "model.onnx").run(given.numpy(), 0.0)
    assert label.tolist() == net(normalised(given))[0].argmax(-1).tolist()
    assert exits.tolist() == [0] * 5


def test_filters_that_are_gone_are_not_in_the_file_and_the_answers_are_the_same(tmp_path: Path) -> None:
    net = exitprune.wrap(built(3, 4), ["stem"], noise(2, side=8))
    given = pixels(7, 3)[..., :8, :8]
    few = {"epochs": 1, "batch_size": 4}
    net.prune(normalised(given), torch.arange(7) % 4, sparsity=0.75, rounds=1, granularity="filter", finetune=few)
    net.eval().export(tmp_path / "model.onnx", MEAN, STD)
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert "BatchNormalization" not in {node.op_type for node in graph.node}
    widths = {tuple(one.dims) for one in graph.initializer}
    assert {(3, 8, 1, 1), (8, 3, 1, 1)} <= widths
    logits, _ = net(normalised(given), threshold=1.0)
    feed = {"pixels": given.numpy(), "threshold": np.array(1.0, dtype=np.float32)}
    label, sure, _ = onnxruntime_session((tmp_path / "model.onnx").read_bytes(), 1).run(None, feed)
    np.testing.assert_array_equal(label, logits.argmax(-1).numpy())
    np.testing.assert_allclose(sure, confidence_of(logits).numpy(), rtol=0, atol=5e-4)
    cost = ExportedModel(tmp_path / "model.onnx").about.exits[-1]
    assert cost.macs_executed == net.smaller().exits[-1].macs_dense < net.exits[-1].macs_dense
