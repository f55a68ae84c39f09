from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from exitprune.data.images import Images
from exitprune.deployment.folding import fold
from exitprune.deployment.runtime import answer, segments
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from exitprune.evaluation.logits import infer
from exitprune.networks.early_exit import EarlyExitNetwork
from tests.as_if_trained import enliven_, noise, thresholds_between
from tests.conftest import Build

NUM_IMAGES = 48


@pytest.fixture(scope="module")
def lively(build: Build) -> EarlyExitNetwork:
    """ResNet-20 with four exits."""
    return enliven_(build(depth=20, exits=(1, 3, 4, 7)))


@pytest.fixture(scope="module")
def images(lively: EarlyExitNetwork) -> Images:
    draw = torch.Generator().manual_seed(5)
    pixels = torch.randint(0, 256, (NUM_IMAGES, 1, 8, 8), generator=draw) * torch.rand(
        NUM_IMAGES, 1, 1, 1, generator=draw
    )
    return Images(
        pixels.to(torch.uint8), torch.zeros(NUM_IMAGES, dtype=torch.int64), torch.tensor(0.4), torch.tensor(0.2)
    )


@pytest.fixture(scope="module")
def logits(lively: EarlyExitNetwork, images: Images) -> Tensor:
    """Of the study's way: every exit of every image."""
    return infer(lively, images)


def test_confidences_are_spread_over_images_and_exits(logits: Tensor) -> None:
    exits = first_confident_exit(confidence_of(logits), thresholds_between(confidence_of(logits))[7])
    assert set(exits.tolist()) == {0, 1, 2, 3, 4}


@given(batch_size=st.integers(1, NUM_IMAGES), choice=st.integers(0, 13))
def test_answers_and_exits_equal_the_simulated_ones_image_by_image(
    lively: EarlyExitNetwork, images: Images, logits: Tensor, batch_size: int, choice: int
) -> None:
    confidence = confidence_of(logits)
    threshold = thresholds_between(confidence)[choice]
    exits = first_confident_exit(confidence, threshold)
    parts, each = segments(lively), torch.arange(NUM_IMAGES)
    found = [answer(parts, images.normalise(pixels), threshold) for pixels in torch.split(images.pixels, batch_size)]
    assert torch.equal(torch.cat([part.exit for part in found]), exits)
    assert torch.equal(torch.cat([part.label for part in found]), logits[exits, each].argmax(-1))
    torch.testing.assert_close(torch.cat([part.confidence for part in found]), confidence[exits, each])


def test_a_folded_network_answers_the_same(lively: EarlyExitNetwork, images: Images, logits: Tensor) -> None:
    confidence = confidence_of(logits)
    threshold = thresholds_between(confidence)[7]
    found = answer(segments(fold(lively)), images.normalise(images.pixels), threshold)
    assert torch.equal(found.exit, first_confident_exit(confidence, threshold))


def test_temperatures_divide_the_logits_of_their_exit(lively: EarlyExitNetwork, images: Images, logits: Tensor) -> None:
    temperatures = [0.5, 2.0, 1.0, 4.0, 0.25]
    confidence = confidence_of(logits / torch.tensor(temperatures).reshape(-1, 1, 1))
    threshold = thresholds_between(confidence)[7]
    found = answer(segments(lively), images.normalise(images.pixels), threshold, temperatures)
    assert torch.equal(found.exit, first_confident_exit(confidence, threshold))


def images_seen_by_blocks(network: EarlyExitNetwork, batch: Tensor, threshold: float) -> tuple[list[int], list[int]]:
    """How many images each block that ran was given, and the exits taken."""
    seen: list[int] = []
    hooks = [
        block.register_forward_pre_hook(lambda _, args: seen.append(len(args[0]))) for block in network.base.blocks
    ]
    exits = answer(segments(network), batch, threshold).exit.tolist()
    for hook in hooks:
        hook.remove()
    return seen, exits


def test_when_everybody_leaves_at_once_no_later_block_runs(lively: EarlyExitNetwork) -> None:
    assert images_seen_by_blocks(lively, noise(lively, 5), -1.0) == ([5], [0] * 5)


def test_when_nobody_leaves_early_every_block_sees_every_image(lively: EarlyExitNetwork) -> None:
    assert images_seen_by_blocks(lively, noise(lively, 5), 1.0) == ([5] * 9, [4] * 5)


def test_each_block_sees_only_the_images_that_are_left(
    lively: EarlyExitNetwork, images: Images, logits: Tensor
) -> None:
    threshold = thresholds_between(confidence_of(logits))[7]
    seen, exits = images_seen_by_blocks(lively, images.normalise(images.pixels), threshold)
    exit_after_block = [0, 1, 1, 2, 3, 3, 3, 4, 4]  # the first exit that needs each of the nine blocks
    left = [sum(taken >= exit_ for taken in exits) for exit_ in exit_after_block]
    assert seen == left[: len(seen)]
    assert sum(left[len(seen) :]) == 0


def test_a_single_image_stops_at_its_exit(lively: EarlyExitNetwork, images: Images, logits: Tensor) -> None:
    confidence = confidence_of(logits)
    threshold = thresholds_between(confidence)[7]
    exits = first_confident_exit(confidence, threshold).tolist()
    image = exits.index(1)
    batch = images.normalise(images.pixels[image : image + 1])
    assert images_seen_by_blocks(lively, batch, threshold) == ([1, 1, 1], [1])


def test_no_images_get_no_answers(lively: EarlyExitNetwork) -> None:
    found = answer(segments(lively), noise(lively, 0), 0.5)
    assert (len(found.label), len(found.confidence), len(found.exit)) == (0, 0, 0)


def test_a_network_without_early_exits_answers_at_its_classifier(build: Build) -> None:
    network = enliven_(build(exits=()))
    batch = noise(network, 6)
    found = answer(segments(network), batch, 0.0)
    assert found.exit.tolist() == [0] * 6
    with torch.no_grad():
        assert torch.equal(found.label, network(batch)[0].argmax(-1))


def test_a_confidence_equal_to_the_threshold_does_not_leave(lively: EarlyExitNetwork) -> None:
    image = noise(lively, 1)
    with torch.no_grad():
        confidence = float(confidence_of(lively(image))[0, 0])
    assert answer(segments(lively), image, confidence).exit.item() != 0


def test_what_goes_on_stays_in_channels_last(lively: EarlyExitNetwork, images: Images, logits: Tensor) -> None:
    formats: list[bool] = []
    block = lively.base.blocks[1]
    hook = block.register_forward_pre_hook(
        lambda _, args: formats.append(args[0].is_contiguous(memory_format=torch.channels_last))
    )
    first = confidence_of(logits)[0].sort().values
    answer(segments(lively), images.normalise(images.pixels), float(first[NUM_IMAGES // 2]))
    hook.remove()
    assert formats == [True]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_answers_and_exits_are_those_of_the_cpu(
    lively: EarlyExitNetwork, images: Images, logits: Tensor
) -> None:
    confidence = confidence_of(logits)
    threshold = thresholds_between(confidence)[7]
    found = answer(segments(deepcopy(lively).cuda()), images.normalise(images.pixels).cuda(), threshold)
    assert torch.equal(found.exit.cpu(), first_confident_exit(confidence, threshold))


def test_a_part_that_was_left_in_training_mode_is_taken_out_of_it(lively: EarlyExitNetwork, images: Images) -> None:
    network = deepcopy(lively).eval()
    seen = images.normalise(images.pixels)
    expected = answer(network, seen, 0.5)
    network.base.blocks[1].train()
    assert torch.equal(answer(network, seen, 0.5).logits, expected.logits)
    assert not any(part.training for part in network.modules())


def test_segments_of_a_network_that_trains_answer_as_it_does_in_evaluation(
    lively: EarlyExitNetwork, images: Images
) -> None:
    network = deepcopy(lively).train()
    pixels = images.normalise(images.pixels)
    wanted = answer(deepcopy(lively).eval(), pixels, 0.5)
    found = answer(segments(network), pixels, 0.5)
    assert torch.equal(found.exit, wanted.exit)
    assert not any(module.training for module in network.modules())
