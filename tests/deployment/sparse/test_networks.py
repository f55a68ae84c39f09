"""Whole networks against PyTorch: same class, exit and logits for every image."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from exitprune.deployment.folding import fold
from exitprune.deployment.removal import remove_dead_channels
from exitprune.deployment.sparse.from_network import steps_of
from exitprune.deployment.sparse.kernels import convolution
from exitprune.deployment.sparse.machine import CannotRun, Processor
from exitprune.deployment.sparse.model import SparseNetwork
from exitprune.deployment.sparse.steps import Convolution, Exit, Network
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from exitprune.networks.architectures import Blocks
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import weights
from exitprune.variants import variant
from tests.architectures import IN_BLOCKS
from tests.as_if_trained import enliven_, spread_confidences_, thresholds_between
from tests.deployment.sparse.processors import processors
from tests.deployment.test_onnx_export import MEAN, STD, empty_by_all_means_

NUM_IMAGES = 40
PROCESSORS = processors()
KINDS = [
    ("resnet", 8, 4, "dense", 1),
    ("resnet", 12, 4, "removed", 16),
    ("resnet", 28, 3, "removed", 1),
    ("resnet", 9, None, "empty", 1),
    ("vgg", 28, 2, "sparse", 1),
    ("vgg", 15, 1, "removed", 4),
]
"""Architecture, side of the images, pool, what was done to the weights, images side by side."""

pytestmark = pytest.mark.skipif(not PROCESSORS, reason="no sparse kernels for this processor")


class Case:
    """A packed network, its images, and the logits of every exit that PyTorch finds, (E, N, K)."""

    def __init__(self, sparse: SparseNetwork, pixels: npt.NDArray[np.uint8], logits: Tensor) -> None:
        self.sparse, self.pixels, self.logits = sparse, pixels, logits


@torch.no_grad()
def zeroed_(network: EarlyExitNetwork, how: str) -> EarlyExitNetwork:
    """Four of five weights out, or all of some layers; before statistics are settled, so that signals stay."""
    draw = torch.Generator().manual_seed(3)
    for number, weight in enumerate(weights(network).values()):
        kept = {"sparse": 0.2, "empty": 0.0 if number % 3 == 1 else 0.3}.get(how, 1.0)
        weight.mul_(torch.rand(weight.shape, generator=draw) < kept)
    return network


def make_case(
    architecture: str,
    side: int,
    pool: int | None,
    how: str,
    together: int | None,
    processor: Processor | None = None,
    temperatures: list[float] | None = None,
) -> Case:
    settings = {"depth": 14} if architecture == "resnet" else variant("architectures", architecture).SMALLEST
    blocks = Spec(architecture, settings, 3, side, side, 5, (), pool).own.num_blocks
    exits = (1, blocks // 2, blocks - 1)
    torch.manual_seed(0)
    network = EarlyExitNetwork(Spec(architecture, settings, 3, side, side, 5, exits, pool))
    network = enliven_(zeroed_(network, how))
    if how == "removed" and architecture == "resnet":
        spread_confidences_(empty_by_all_means_(network))
    folded = fold(network)
    folded = remove_dead_channels(folded) if how == "removed" else folded
    draw = torch.Generator().manual_seed(5)
    pixels = torch.randint(0, 256, (NUM_IMAGES, 3, side, side), generator=draw, dtype=torch.uint8)
    mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (MEAN, STD))
    with torch.inference_mode():
        logits = folded((pixels / 255 - mean) / std)
    scale = torch.tensor(temperatures or [1.0] * network.num_exits).reshape(-1, 1, 1)
    packed = SparseNetwork(steps_of(folded, MEAN, STD, temperatures), processor=processor, together=together)
    return Case(packed, pixels.numpy(), logits / scale)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    """One for each of KINDS."""
    return [make_case(*kind) for kind in KINDS]


def assert_same(case: Case, threshold: float, batch_size: int) -> None:
    confidence = confidence_of(case.logits)
    exits, each = first_confident_exit(confidence, threshold), torch.arange(NUM_IMAGES)
    wanted = case.logits[exits, each]
    for start in range(0, NUM_IMAGES, batch_size):
        part = slice(start, start + batch_size)
        answers = case.sparse(case.pixels[part], threshold)
        np.testing.assert_array_equal(answers.exit, exits[part].numpy())
        np.testing.assert_array_equal(answers.label, wanted[part].argmax(-1).numpy())
        np.testing.assert_allclose(answers.logits, wanted[part].numpy(), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(answers.confidence, confidence[exits, each][part].numpy(), rtol=0, atol=1e-4)


@given(kind=st.integers(0, len(KINDS) - 1), choice=st.integers(0, 13), batch_size=st.integers(1, NUM_IMAGES))
def test_images_get_the_class_the_exit_and_the_logits_of_pytorch(
    cases: list[Case], kind: int, choice: int, batch_size: int
) -> None:
    assert_same(cases[kind], thresholds_between(confidence_of(cases[kind].logits))[choice], batch_size)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_over_the_thresholds_every_exit_is_taken(cases: list[Case], kind: int) -> None:
    confidence = confidence_of(cases[kind].logits)
    taken = [set(first_confident_exit(confidence, t).tolist()) for t in thresholds_between(confidence)]
    assert set.union(*taken) == set(range(len(confidence)))


@pytest.mark.parametrize("architecture", IN_BLOCKS)
@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.name)
def test_every_architecture_on_every_width_of_vectors(architecture: str, processor: Processor) -> None:
    case = make_case(architecture, 12, 4, "sparse", None, processor)
    assert_same(case, thresholds_between(confidence_of(case.logits))[6], 17)


@pytest.fixture(scope="module")
def small() -> EarlyExitNetwork:
    torch.manual_seed(0)
    return fold(enliven_(EarlyExitNetwork(Spec("resnet", {"depth": 8}, 3, 8, 8, 5, (1, 2), 4))))


@settings(max_examples=15)
@given(
    kept=st.lists(st.sampled_from([0.0, 0.02, 0.3, 1.0]), min_size=12, max_size=12), together=st.sampled_from([1, 8])
)
def test_any_mask_from_dense_layers_to_empty_ones(small: EarlyExitNetwork, kept: list[float], together: int) -> None:
    network, draw = copy.deepcopy(small), torch.Generator().manual_seed(7)
    for share, weight in zip(kept, weights(network).values(), strict=True):
        weight.data.mul_(torch.rand(weight.shape, generator=draw) < share)
    pixels = torch.randint(0, 256, (9, 3, 8, 8), generator=draw, dtype=torch.uint8)
    logits = network((pixels / 255 - 0.5) / 0.25)
    packed = SparseNetwork(steps_of(network, [0.5] * 3, [0.25] * 3), together=together)
    for threshold, exit_ in ((-1.0, 0), (1.0, 2)):
        found = packed(pixels.numpy(), threshold)
        assert set(found.exit.tolist()) == {exit_}
        np.testing.assert_allclose(found.logits, logits[exit_].detach().numpy(), rtol=1e-4, atol=1e-4)


def test_temperatures_divide_the_logits_of_their_exit() -> None:
    case = make_case("resnet", 8, 4, "sparse", None, temperatures=[0.5, 2.0, 1.0, 4.0])
    assert_same(case, thresholds_between(confidence_of(case.logits))[8], 7)


def test_threads_give_what_one_gives(cases: list[Case]) -> None:
    network, threshold = cases[2].sparse.network, thresholds_between(confidence_of(cases[2].logits))[6]
    for together in (1, 4):
        threaded = SparseNetwork(network, num_threads=3, together=together)
        assert_same(Case(threaded, cases[2].pixels, cases[2].logits), threshold, NUM_IMAGES)


def test_no_images_get_no_answers(cases: list[Case]) -> None:
    for case in cases:
        assert [len(values) for values in case.sparse(case.pixels[:0], 0.5).parts()] == [0] * 4


def test_a_confidence_equal_to_the_threshold_does_not_leave(cases: list[Case]) -> None:
    for case in cases:
        sure = float(case.sparse(case.pixels[:1], -1.0).confidence[0])
        assert case.sparse(case.pixels[:1], sure).exit[0] > 0


def test_what_is_zero_is_in_no_list(cases: list[Case]) -> None:
    program = cases[2].sparse.program(1)
    steps = [step for step in cases[2].sparse.network.steps if isinstance(step, Convolution)]
    rows = [row for row in program.rows if isinstance(row.kernel, convolution.Convolution)]
    for step, row in zip(steps, rows, strict=True):
        entries, lists = row.arrays["weights"][:, 1].view(np.float32), len(row.arrays["counts"])  # weights, no offsets
        filled = lists * (program.layouts[step.target].at_once - 1)  # a list is as long as the kernel's step at least
        assert (entries != 0).sum() == (step.weight != 0).sum()
        assert entries.size <= (step.weight != 0).sum() + filled
        assert entries.size == row.arrays["counts"].sum()


def test_a_network_with_batch_norm_is_refused() -> None:
    network = EarlyExitNetwork(Spec("resnet", {"depth": 8}, 3, 8, 8, 5, (1,), 4))
    with pytest.raises(ValueError, match="fold it first"):
        steps_of(network, MEAN, STD)


class Own(Blocks):
    """A stem, two blocks of one module each, and a classifier that the test gives."""

    def __init__(self, block: nn.Module, *ends: nn.Module) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.blocks = nn.ModuleList([block, nn.Conv2d(4, 4, 3, padding=1)])
        self.ends = nn.Sequential(*ends)

    def stem(self, x: Tensor) -> Tensor:
        return self.first(x)  # type: ignore[no-any-return]

    def classify(self, features: Tensor) -> Tensor:
        return self.ends(features)  # type: ignore[no-any-return]


def own(block: nn.Module, *ends: nn.Module) -> EarlyExitNetwork:
    network = EarlyExitNetwork(Spec("resnet", {"depth": 8}, 3, 9, 9, 5, (), None))
    network.base = Own(block, *ends).eval().requires_grad_(False)
    return fold(network)


@pytest.mark.parametrize(
    ("block", "ends"),
    [
        (nn.Conv2d(4, 4, 3, padding=1, groups=4), [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 5)]),
        (nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1)), [nn.Flatten(), nn.Linear(100, 5)]),
        (
            nn.Conv2d(4, 4, (1, 3), 2, padding=(0, 1)),
            [nn.ReLU(), nn.AdaptiveAvgPool2d((None, 1)), nn.Flatten(), nn.Linear(20, 5)],
        ),
    ],
    ids=["groups", "pooling", "not square"],
)
def test_other_networks_of_blocks_are_computed_too(block: nn.Module, ends: list[nn.Module]) -> None:
    network = own(block, *ends)
    pixels = torch.randint(0, 256, (3, 3, 9, 9), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    found = SparseNetwork(steps_of(network, [0.5] * 3, [0.25] * 3))(pixels.numpy(), 1.0).logits
    np.testing.assert_allclose(found, network((pixels / 255 - 0.5) / 0.25)[0].numpy(), rtol=1e-4, atol=1e-4)


def test_images_that_are_too_wide_are_refused() -> None:
    end = Exit(0, (1, 1), np.zeros((2, 1), np.float32), np.zeros(2, np.float32))
    normal = np.zeros(1, np.float32), np.ones(1, np.float32)
    with pytest.raises(
        CannotRun, match=r"maps are 1025 pixels wide, the sparse kernels of \S+ take \d+; use onnxruntime"
    ):
        SparseNetwork(Network((1, 4, 1025), *normal, (end,)))


@pytest.mark.parametrize(
    ("block", "ends", "said"),
    [
        (nn.Conv2d(4, 4, 5, padding=2), [nn.Flatten(), nn.Linear(324, 5)], "block 1 has a convolution of 5 x 5"),
        (nn.Conv2d(4, 4, 3, padding=2, dilation=2), [nn.Flatten(), nn.Linear(324, 5)], "dilation"),
        (nn.AvgPool2d(2), [nn.Flatten(), nn.Linear(64, 5)], "block 1 has average pool"),
        (
            nn.Identity(),
            [nn.AdaptiveAvgPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 5)],
            "the classifier has adaptive",
        ),
        (
            nn.Identity(),
            [nn.Flatten(), nn.Linear(324, 9), nn.ReLU(), nn.Linear(9, 5)],
            "the classifier has flatten, linear",
        ),
    ],
)
def test_a_network_without_kernels_is_refused_by_what_it_has(
    block: nn.Module, ends: list[nn.Module], said: str
) -> None:
    with pytest.raises(CannotRun, match=f"{said}.*for which there is no sparse kernel; use onnxruntime"):
        steps_of(own(block, *ends), [0.5] * 3, [0.25] * 3)
