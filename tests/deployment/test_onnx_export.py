from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from exitprune.data.images import Images
from exitprune.deployment.folding import fold
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.removal import remove_dead_channels
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from exitprune.evaluation.logits import infer
from exitprune.networks.early_exit import EarlyExitNetwork
from tests.as_if_trained import empty_, enliven_, spread_confidences_, thresholds_between
from tests.conftest import Build
from tests.taken_apart import conv, tensors

NUM_IMAGES = 40
MEAN, STD = (0.5, 0.45, 0.4), (0.25, 0.2, 0.3)
# What varies: side of the images, pool, whether emptied parts are removed. 28 and 12 with pool 3 and 4 do not divide.
KINDS = [(8, 4, False), (12, 4, True), (12, 1, False), (28, 4, False), (28, 3, True), (9, None, False)]


def session_of(model: Any) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


class Case:
    """An exported network, its images, and what the study says of them.

    Not a dataclass: hypothesis prints those in full when a test fails.
    """

    def __init__(self, session: ort.InferenceSession, pixels: npt.NDArray[np.uint8], logits: Tensor) -> None:
        self.session, self.pixels, self.logits = session, pixels, logits

    def run(self, pixels: npt.NDArray[np.uint8], threshold: float) -> list[npt.NDArray[Any]]:
        found: list[npt.NDArray[Any]] = self.session.run(
            ["class", "confidence", "exit"], {"pixels": pixels, "threshold": np.array(threshold, dtype=np.float32)}
        )
        return found


@torch.no_grad()
def empty_by_all_means_(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """So that removal makes constants, takes out a branch, and lets branches pick channels to read and to write."""
    blocks = empty_(network).base.blocks
    blocks[1].c1.weight[:, 3:] = 0
    blocks[3].c2.weight.zero_()
    blocks[5].c2.weight[9:] = 0
    return network


def make_case(
    build: Build, side: int, pool: int | None, removed: bool, temperatures: list[float] | None = None
) -> Case:
    network = enliven_(build(depth=14, exits=(1, 3, 5), pool=pool, channels=3, side=side))
    if removed:
        spread_confidences_(empty_by_all_means_(network))
    draw = torch.Generator().manual_seed(5)
    pixels = torch.randint(0, 256, (NUM_IMAGES, 3, side, side), generator=draw, dtype=torch.uint8)
    mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (MEAN, STD))
    logits = infer(network, Images(pixels, torch.zeros(NUM_IMAGES, dtype=torch.int64), mean, std))
    folded = fold(network)
    model = build_model(remove_dead_channels(folded) if removed else folded, MEAN, STD, temperatures)
    scale = torch.tensor(temperatures or [1.0] * 4).reshape(-1, 1, 1)
    return Case(session_of(model), pixels.numpy(), logits / scale)


@pytest.fixture(scope="module")
def cases(build: Build) -> list[Case]:
    """One for each of KINDS."""
    return [make_case(build, *kind) for kind in KINDS]


def assert_same(case: Case, threshold: float, batch_size: int) -> None:
    confidence = confidence_of(case.logits)
    exits, each = first_confident_exit(confidence, threshold), torch.arange(NUM_IMAGES)
    batches = [case.pixels[start : start + batch_size] for start in range(0, NUM_IMAGES, batch_size)]
    answers, sure, taken = (
        np.concatenate(part) for part in zip(*(case.run(b, threshold) for b in batches), strict=True)
    )
    np.testing.assert_array_equal(taken, exits.numpy())
    np.testing.assert_array_equal(answers, case.logits[exits, each].argmax(-1).numpy())
    np.testing.assert_allclose(sure, confidence[exits, each].numpy(), rtol=0, atol=1e-4)


@given(kind=st.integers(0, len(KINDS) - 1), choice=st.integers(0, 13), batch_size=st.integers(1, NUM_IMAGES))
def test_onnxruntime_answers_and_leaves_like_pytorch_image_by_image(
    cases: list[Case], kind: int, choice: int, batch_size: int
) -> None:
    assert_same(cases[kind], thresholds_between(confidence_of(cases[kind].logits))[choice], batch_size)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_over_the_thresholds_every_exit_is_taken(cases: list[Case], kind: int) -> None:
    confidence = confidence_of(cases[kind].logits)
    taken = [set(first_confident_exit(confidence, t).tolist()) for t in thresholds_between(confidence)]
    assert set.union(*taken) == {0, 1, 2, 3}


@pytest.mark.parametrize("kind", range(len(KINDS)))
@pytest.mark.parametrize("threshold", [-1.0, 0.5, 1.0])
def test_no_images_get_no_answers(cases: list[Case], kind: int, threshold: float) -> None:
    found = cases[kind].run(cases[kind].pixels[:0], threshold)
    assert [(len(values), values.dtype.name) for values in found] == [(0, "int64"), (0, "float32"), (0, "int64")]


def test_the_removed_cases_have_all_that_removal_makes(build: Build) -> None:
    network = empty_by_all_means_(enliven_(build(depth=14, exits=(1, 3, 5))))
    smaller = remove_dead_channels(fold(network))
    assert 2 in tensors(smaller, "pick")
    assert conv(smaller, "b4.c2") is None
    assert 6 in tensors(smaller, "add_to")
    sizes = [constant.shape[2:] for constant in tensors(smaller, "add_constant").values()]
    assert len(sizes) == 6
    assert len(set(sizes)) > 1  # numbers per channel, and maps
    assert (1, 1) in sizes


def test_temperatures_divide_the_logits_of_their_exit(build: Build) -> None:
    case = make_case(build, 8, 4, False, [0.5, 2.0, 1.0, 4.0])
    assert_same(case, thresholds_between(confidence_of(case.logits))[8], 7)


def test_a_confidence_equal_to_the_threshold_does_not_leave(cases: list[Case]) -> None:
    image = cases[0].pixels[:1]
    confidence = float(cases[0].run(image, -1.0)[1][0])
    assert cases[0].run(image, confidence)[2][0] > 0


def test_a_network_without_early_exits_can_be_exported(build: Build) -> None:
    network = enliven_(build(exits=()))
    session = session_of(build_model(fold(network), [0.5], [0.2]))
    pixels = np.zeros((3, 1, 8, 8), dtype=np.uint8)
    found = session.run(["exit"], {"pixels": pixels, "threshold": np.array(0.0, dtype=np.float32)})
    assert found[0].tolist() == [0, 0, 0]


def test_the_graph_has_no_branches_no_loops_and_a_free_batch_size(build: Build) -> None:
    model = build_model(fold(enliven_(build(depth=56, exits=(4, 8, 12, 16, 20, 24)))), [0.5], [0.2])
    assert not {node.op_type for node in model.graph.node} & {"If", "Loop", "Scan", "BatchNormalization"}
    assert {value.domain for value in model.opset_import} == {""}
    dims = {value.name: value.type.tensor_type.shape.dim for value in [*model.graph.input, *model.graph.output]}
    assert {name: dim[0].dim_param for name, dim in dims.items() if len(dim)} == {
        "pixels": "N",
        "class": "N",
        "confidence": "N",
        "exit": "N",
    }


def test_metadata_is_kept_as_json(build: Build) -> None:
    model = build_model(fold(enliven_(build())), [0.5], [0.2], metadata={"classes": ["a", "b"], "exits": [{"macs": 7}]})
    kept = {
        item.key: json.loads(item.value) for item in onnx.load_from_string(model.SerializeToString()).metadata_props
    }
    assert kept == {"classes": ["a", "b"], "exits": [{"macs": 7}]}


def test_equal_networks_give_equal_bytes(build: Build) -> None:
    first, second = (build_model(fold(enliven_(build())), [0.5], [0.2]).SerializeToString() for _ in range(2))
    assert first == second


def test_a_network_with_batch_norm_is_refused(build: Build) -> None:
    with pytest.raises(ValueError, match="fold it first"):
        build_model(build(), [0.5], [0.2])
