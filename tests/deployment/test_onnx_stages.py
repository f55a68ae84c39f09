"""One ONNX file per stage gives the same answers as the one file, image by image, in every runtime there is."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from exitprune.data.images import Images
from exitprune.deployment.folding import fold
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.onnx_stages import cut
from exitprune.deployment.removal import remove_dead_channels
from exitprune.deployment.runtime import answer as answer_in_torch
from exitprune.deployment.runtime import segments
from exitprune.deployment.stages_driver import answer, in_batches
from exitprune.evaluation.exiting import confidence_of
from exitprune.evaluation.logits import infer
from exitprune.jobs.seeding import seeded
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.variants import variant
from tests.architectures import IN_BLOCKS
from tests.as_if_trained import empty_, enliven_, spread_confidences_, thresholds_between
from tests.conftest import Build

NUM_IMAGES = 24
MEAN, STD = (0.5, 0.45, 0.4), (0.25, 0.2, 0.3)
Stage = Callable[[Any], Sequence[Any]]
HAS_OPENVINO = importlib.util.find_spec("openvino") is not None


def onnxruntime_stage(model: Any) -> Stage:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda rows: session.run(None, {session.get_inputs()[0].name: rows})


def openvino_stage(model: Any) -> Stage:
    import openvino

    core = openvino.Core()
    read = core.read_model(io.BytesIO(model.SerializeToString()))
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda rows: [compiled({compiled.inputs[0].any_name: rows})[output] for output in compiled.outputs]


class Case:
    """A network, its stages in a runtime, and images.

    Not a dataclass: hypothesis prints those in full when a test fails.
    """

    def __init__(self, build: Build, make: Callable[[Any], Stage], batch: int | None = None) -> None:
        network = enliven_(build(depth=14, exits=(1, 3, 5), channels=3, side=12))
        network = remove_dead_channels(fold(spread_confidences_(empty_(network))))
        draw = torch.Generator().manual_seed(5)
        self.pixels = torch.randint(0, 256, (NUM_IMAGES, 3, 12, 12), generator=draw, dtype=torch.uint8)
        mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (MEAN, STD))
        self.normalised = (self.pixels / 255 - mean) / std
        self.parts = segments(network)
        self.models = cut(build_model(network, MEAN, STD), batch)
        self.stages = [make(model) for model in self.models]
        images = Images(self.pixels, torch.zeros(NUM_IMAGES, dtype=torch.int64), mean, std)
        self.thresholds = thresholds_between(confidence_of(infer(network, images)))

    def assert_same(self, pixels: npt.NDArray[np.uint8], normalised: torch.Tensor, threshold: float) -> None:
        expected = answer_in_torch(self.parts, normalised, threshold)
        label, confidence, exit_ = answer(self.stages, pixels, threshold)
        np.testing.assert_array_equal(exit_, expected.exit.numpy())
        np.testing.assert_array_equal(label, expected.label.numpy())
        np.testing.assert_allclose(confidence, expected.confidence.numpy(), rtol=0, atol=1e-4)


@pytest.fixture(scope="module")
def case(build: Build) -> Case:
    return Case(build, onnxruntime_stage)


@given(choice=st.integers(0, 13), first=st.integers(0, NUM_IMAGES), last=st.integers(0, NUM_IMAGES))
def test_stages_answer_and_leave_like_pytorch(case: Case, choice: int, first: int, last: int) -> None:
    part = slice(first, last)
    case.assert_same(case.pixels[part].numpy(), case.normalised[part], case.thresholds[choice])


def test_over_the_thresholds_every_exit_is_taken(case: Case) -> None:
    taken = [set(answer(case.stages, case.pixels.numpy(), t)[2].tolist()) for t in case.thresholds]
    assert set.union(*taken) == {0, 1, 2, 3}


def test_a_stage_that_nobody_reaches_does_not_run(case: Case) -> None:
    def never(rows: Any) -> Sequence[Any]:
        raise AssertionError("nobody should be here")

    assert answer([case.stages[0], never], case.pixels.numpy(), -1.0)[2].tolist() == [0] * NUM_IMAGES


def test_stages_of_one_image_have_no_unknown_sizes(build: Build) -> None:
    one = Case(build, onnxruntime_stage, batch=1)
    for model in one.models:
        for value in [*model.graph.input, *model.graph.output]:
            assert all(dim.dim_value > 0 for dim in value.type.tensor_type.shape.dim)
            assert value.type.tensor_type.shape.dim[0].dim_value == 1
    for index in range(NUM_IMAGES):
        one.assert_same(one.pixels[index : index + 1].numpy(), one.normalised[index : index + 1], one.thresholds[4])


def test_stages_of_a_constant_batch_answer_any_number(build: Build) -> None:
    five = Case(build, onnxruntime_stage, batch=5)
    five.stages = [in_batches(stage, 5) for stage in five.stages]
    for num in (1, 5, 12, NUM_IMAGES):
        for threshold in five.thresholds[::4]:
            five.assert_same(five.pixels[:num].numpy(), five.normalised[:num], threshold)


def test_stages_say_which_they_are_and_hold_each_weight_once(build: Build, case: Case) -> None:
    assert [[item.value for item in model.metadata_props] for model in case.models] == [[f"{n}", "4"] for n in range(4)]
    sizes = [{c.name for c in model.graph.initializer if ".weight" in c.name} for model in case.models]
    assert sum(map(len, sizes)) == len(set.union(*sizes))


@pytest.mark.parametrize("name", IN_BLOCKS)
def test_every_architecture_can_be_cut_and_answers_as_its_one_file(name: str) -> None:
    with seeded("test", 0):
        network = EarlyExitNetwork(Spec(name, variant("architectures", name).SMALLEST, 3, 16, 16, 4, (1, 2), 2))
    model = build_model(remove_dead_channels(fold(enliven_(network))), MEAN, STD)
    whole = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    stages = [onnxruntime_stage(part) for part in cut(model)]
    pixels = np.random.default_rng(0).integers(0, 256, (NUM_IMAGES, 3, 16, 16), dtype=np.uint8)
    first = whole.run(["confidence"], {"pixels": pixels, "threshold": np.array(-1, dtype=np.float32)})[0]
    for threshold in (-1.0, float(np.median(first)), 1.0):
        feed = {"pixels": pixels, "threshold": np.array(threshold, dtype=np.float32)}
        label, confidence, exit_ = whole.run(["class", "confidence", "exit"], feed)
        found = answer(stages, pixels, threshold)
        np.testing.assert_array_equal(found[0], label)
        np.testing.assert_allclose(found[1], confidence, rtol=0, atol=1e-6)
        np.testing.assert_array_equal(found[2], exit_)


@pytest.mark.slow
@pytest.mark.skipif(not HAS_OPENVINO, reason="OpenVINO is not installed: pip install openvino")
@pytest.mark.parametrize("batch", [None, 1])
def test_openvino_answers_and_leaves_like_pytorch(build: Build, batch: int | None) -> None:
    there = Case(build, openvino_stage, batch)
    size = batch or 7
    for threshold in there.thresholds:
        for first in range(0, NUM_IMAGES, size):
            part = slice(first, first + size)
            there.assert_same(there.pixels[part].numpy(), there.normalised[part], threshold)
