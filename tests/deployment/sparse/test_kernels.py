"""Each kernel against torch's own function, one step at a time."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from exitprune.deployment.sparse.kernels import convolution
from exitprune.deployment.sparse.layout import Layout
from exitprune.deployment.sparse.machine import Processor, assembly, chosen
from exitprune.deployment.sparse.model import Answers, SparseNetwork, call_of
from exitprune.deployment.sparse.program import Program
from exitprune.deployment.sparse.shapes import shapes_of
from exitprune.deployment.sparse.steps import (
    Combine,
    Constant,
    Convolution,
    Exit,
    MaxPool,
    Network,
    Split,
    Step,
    target,
)
from exitprune.deployment.sparse.weights import of_stride_one, square, ungrouped
from exitprune.deployment.sparse.workspace import Workspace
from tests.deployment.sparse.processors import processors

PROCESSORS = processors()
CHANNELS = 3
SIDES = [(1, 1), (2, 3), (4, 4), (5, 9), (7, 7), (8, 8), (16, 16), (13, 17), (12, 33), (28, 28), (32, 32)]

pytestmark = pytest.mark.skipif(not PROCESSORS, reason="no sparse kernels for this processor")


def noise(draw: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=draw)


def run(
    steps: Sequence[Step], shape: tuple[int, int, int], images: Tensor, processor: Processor, together: int
) -> Tensor:
    """(N, D, H, W), the last map of some steps."""
    normal = np.zeros(shape[0], np.float32), np.ones(shape[0], np.float32)
    made = target(steps[-1])
    assert made is not None
    size = shapes_of(Network(shape, *normal, (*steps, end(0, shape[0]))))[made]
    program = Program(Network(shape, *normal, (*steps, end(made, size[0]))), processor, together)
    space, found = Workspace(program), []
    filled = torch.cat([images, images.new_zeros(-len(images) % together, *shape)]).numpy()
    call = call_of(filled, 1.0, Answers.empty(len(filled), 1))
    for group in range(len(filled) // together):
        program.run(space.tables.ctypes.data, len(program.rows), 0, call.ctypes.data, group, group + 1)
        maps = program.layouts[made].read(space.map_of(made, 0), size[0])  # (D, H, together, W)
        found.append(torch.from_numpy(maps).permute(2, 0, 1, 3))
    return torch.cat(found)[: len(images)]


def end(source: int, channels: int) -> Exit:
    """An exit, without which no steps are a network."""
    return Exit(source, (1, 1), np.zeros((1, channels), np.float32), np.zeros(1, np.float32))


def pixels(draw: torch.Generator, num: int, height: int, width: int) -> tuple[Tensor, Tensor]:
    """(N, C, H, W) uint8, and what they are as floats."""
    drawn = torch.randint(0, 256, (num, CHANNELS, height, width), generator=draw, dtype=torch.uint8)
    return drawn, drawn / 255


def sparse(draw: torch.Generator, kept: float, *shape: int) -> Tensor:
    return noise(draw, *shape) * (torch.rand(shape, generator=draw) < kept)


def floats(values: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ascontiguousarray(values.numpy(), np.float32)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from(SIDES),
    kept=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    kernel=st.sampled_from([(3, 3), (1, 1), (1, 3), (3, 1)]),
    stride=st.sampled_from([1, 2]),
    groups=st.sampled_from([1, 3]),
    relu=st.booleans(),
    adds=st.booleans(),
    processor=st.sampled_from(PROCESSORS),
    together=st.sampled_from([1, 4]),
)
def test_a_convolution_is_torch_s(
    seed: int,
    size: tuple[int, int],
    kept: float,
    kernel: tuple[int, int],
    stride: int,
    groups: int,
    relu: bool,
    adds: bool,
    processor: Processor,
    together: int,
) -> None:
    draw = torch.Generator().manual_seed(seed)
    padding = (kernel[0] // 2, kernel[1] // 2)
    conv = nn.Conv2d(CHANNELS, 6, kernel, stride, padding, groups=groups).requires_grad_(False)
    conv.weight.copy_(sparse(draw, kept, *conv.weight.shape))
    assert conv.bias is not None
    conv.bias.copy_(noise(draw, 6))
    images, x = pixels(draw, 5, *size)
    wanted = conv(x)
    constant = noise(draw, *wanted.shape[1:])
    steps: list[Step] = [Split(0, 1)] if stride == 2 else []
    weight, at = square(ungrouped(conv)), len(steps)
    weight = of_stride_one(weight) if stride == 2 else weight
    added = None
    if adds:
        steps.append(Constant(at + 1, floats(constant)))
        added, wanted = at + 1, wanted + constant
    made = len(steps) + 1
    steps.append(Convolution(at, made, floats(weight), floats(conv.bias), added, relu))
    got = run(steps, (CHANNELS, *size), images, processor, together)
    torch.testing.assert_close(got, wanted.relu() if relu else wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.name)
@pytest.mark.parametrize("size", [(5, 5), (8, 9), (16, 33)])
@pytest.mark.parametrize("window", [(2, 2, 0, True), (3, 2, 1, False), (3, 1, 1, False)])
def test_a_pooling_is_torch_s(processor: Processor, size: tuple[int, int], window: tuple[int, int, int, bool]) -> None:
    draw = torch.Generator().manual_seed(0)
    images, x = pixels(draw, 3, *size)
    kernel, stride, padding, ceil_mode = window
    wanted = F.max_pool2d(x - 0.5, kernel, stride, padding, ceil_mode=ceil_mode)
    first = Constant(1, np.full((CHANNELS, *size), -0.5, np.float32))
    made = (wanted.shape[2], wanted.shape[3])
    steps: list[Step] = [
        first,
        Combine(0, 2, 1, False),
        MaxPool(2, 3, (kernel,) * 2, (stride,) * 2, (padding,) * 2, made),
    ]
    got = run(steps, (CHANNELS, *size), images, processor, 4)
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.name)
@pytest.mark.parametrize("relu", [False, True])
def test_two_maps_are_added(processor: Processor, relu: bool) -> None:
    draw = torch.Generator().manual_seed(0)
    images, x = pixels(draw, 3, 7, 7)
    constant = noise(draw, CHANNELS, 7, 7)
    steps: list[Step] = [Constant(1, floats(constant)), Combine(0, 2, 1, relu)]
    got = run(steps, (CHANNELS, 7, 7), images, processor, 1)
    torch.testing.assert_close(got, (x + constant).relu() if relu else x + constant)


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.name)
@pytest.mark.parametrize("grid", [(1, 1), (3, 3), (4, 2), (9, 7)])
@pytest.mark.parametrize("classes", [1, 10, 100])
@pytest.mark.parametrize("together", [1, 4])
def test_an_exit_averages_as_torch_does(
    processor: Processor, grid: tuple[int, int], classes: int, together: int
) -> None:
    draw = torch.Generator().manual_seed(0)
    images, x = pixels(draw, 6, 9, 7)
    linear = nn.Linear(CHANNELS * grid[0] * grid[1], classes).requires_grad_(False)
    wanted = linear(F.adaptive_avg_pool2d(x, grid).flatten(1))
    step = Exit(0, grid, floats(linear.weight), floats(linear.bias))
    normal = np.zeros(CHANNELS, np.float32), np.ones(CHANNELS, np.float32)
    network = Network((CHANNELS, 9, 7), *normal, (step,))
    answers = SparseNetwork(network, processor=processor, together=together)(images.numpy(), 1.0)
    torch.testing.assert_close(torch.from_numpy(answers.logits), wanted)
    shares = wanted.softmax(-1).max(-1)
    np.testing.assert_allclose(answers.confidence, shares.values.numpy(), rtol=1e-5)
    np.testing.assert_array_equal(answers.label, shares.indices.numpy())


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.name)
def test_pixels_are_normalised_as_for_training(processor: Processor) -> None:
    images, _ = pixels(torch.Generator().manual_seed(0), 5, 9, 7)
    mean, std = np.array([0.1, 0.5, 0.4], np.float32), np.array([0.25, 0.2, 0.3], np.float32)
    out = Exit(0, (9, 7), np.eye(CHANNELS * 63, dtype=np.float32), np.zeros(CHANNELS * 63, np.float32))
    answers = SparseNetwork(Network((CHANNELS, 9, 7), mean, std, (out,)), processor=processor)(images.numpy(), 1.0)
    wanted = (images / 255 - torch.from_numpy(mean).reshape(-1, 1, 1)) / torch.from_numpy(std).reshape(-1, 1, 1)
    np.testing.assert_array_equal(answers.logits, wanted.flatten(1).numpy())


@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda one: one.name)
@pytest.mark.parametrize("leaving", [1, 9, 20, 37, 39])
def test_images_that_stay_keep_their_own_maps_wherever_they_move(processor: Processor, leaving: int) -> None:
    num, height, width = 40, 3, 5
    images, x = pixels(torch.Generator().manual_seed(leaving), num, height, width)
    size = CHANNELS * height * width
    linear = [9 * np.eye(size, dtype=np.float32), np.eye(size, dtype=np.float32)]  # logits that tell the map
    first, last = (Exit(0, (height, width), weight, np.zeros(size, np.float32)) for weight in linear)
    normal = np.zeros(CHANNELS, np.float32), np.ones(CHANNELS, np.float32)
    run = SparseNetwork(Network((CHANNELS, height, width), *normal, (first, last)), processor=processor, together=4)
    sure = run(images.numpy(), 0.0).confidence
    answers = run(images.numpy(), float(np.sort(sure)[-leaving - 1]))
    assert (answers.exit == 0).sum() == leaving
    scales = torch.where(torch.from_numpy(answers.exit) == 0, 9.0, 1.0)
    torch.testing.assert_close(torch.from_numpy(answers.logits), scales[:, None] * x.flatten(1))


X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
ABROAD = [
    chosen("skylake-avx512", {"avx512f": True, "avx512vl": True}, X86),
    chosen("haswell", {"avx2": True, "fma": True}, X86),
    chosen("neoverse-n1", {}, ARM),
]


@pytest.mark.parametrize("processor", ABROAD, ids=lambda one: one.name)
@pytest.mark.parametrize("side", [32, 8, 4])
def test_the_innermost_loops_keep_their_sums_in_registers(processor: Processor, side: int) -> None:
    """In machine code for three kinds of processors, wherever this runs: nothing is put on the stack between multiply-adds."""
    kernel = convolution.Convolution(Layout(side, side, 1, processor.lanes), adds=True)
    blocks = re.split(r"\n(?=\.L\w+:)", assembly(kernel, processor))
    found = [list(re.finditer("fmla|vfmadd", block)) for block in blocks]
    wanted = kernel.made.chunk * kernel.made.at_once
    # What follows the last multiply-add of a block may stand behind the loop.
    innermost = [block[: ends[-1].end()] for block, ends in zip(blocks, found, strict=True) if len(ends) == wanted]
    assert len(innermost) >= 3  # one for each list
    stored = [re.findall(r"(?:st[rp]|vmov\w+)\s+\S+, .*(?:\[sp|\(%rsp\))", block) for block in innermost]
    assert stored == [[]] * len(innermost)
