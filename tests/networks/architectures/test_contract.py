"""What every architecture of blocks must do: trained, pruned, measured, taken apart, exported, saved.

Networks from elsewhere: `tests/networks/test_any_network.py`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from exitprune.config.data import Augment
from exitprune.config.model import Model
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.deployment.extras import onnxruntime_session
from exitprune.deployment.filter_removal import remove_filters
from exitprune.deployment.folding import fold
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.removal import remove_dead_channels
from exitprune.deployment.runtime import answer, segments
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from exitprune.jobs.seeding import seeded
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.cost import exit_costs, layer_costs
from exitprune.networks.coupling import coupled, free_filters
from exitprune.networks.early_exit import EarlyExitNetwork, Group, Spec
from exitprune.networks.identity import weights_digest
from exitprune.networks.masks import apply_masks_, full_masks, weights
from exitprune.pruning.filters import filter_masks, without_filters
from exitprune.training.loop import train_
from exitprune.variants import variant
from tests.architectures import IN_BLOCKS
from tests.as_if_trained import empty_, enliven_, noise, spread_confidences_, thresholds_between

pytestmark = pytest.mark.parametrize("name", IN_BLOCKS)


def spec_of(name: str, side: int = 8, channels: int = 1, num_exits: int = 2) -> Spec:
    """The smallest of an architecture, its exits spread over its blocks."""
    smallest = variant("architectures", name).SMALLEST
    num_blocks = variant("architectures", name).Settings(**smallest).num_blocks
    exits = sorted({max(1, num_blocks * number // (num_exits + 1)) for number in range(1, num_exits + 1)})
    return Spec(name, smallest, channels, side, side, 4, tuple(exits), 2)


def drawn(name: str, seed: int = 0, **more: int) -> EarlyExitNetwork:
    with seeded("test", seed):
        return EarlyExitNetwork(spec_of(name, **more))


def _through(head: nn.Module, x: Tensor) -> Tensor:
    head(x)
    return x


def same(network: EarlyExitNetwork, other: EarlyExitNetwork) -> None:
    """The same logits, up to rounding in double precision."""
    images = noise(network, 8).double()
    with torch.no_grad():
        torch.testing.assert_close(other.double()(images), network.double()(images), rtol=1e-10, atol=1e-10)


def test_its_settings_say_what_it_is_called_and_how_many_blocks_it_has(name: str) -> None:
    spec = spec_of(name)
    assert spec.own.num_blocks == len(drawn(name).base.blocks)
    assert spec.own.title
    model = Model(architecture=name, exits=list(spec.exits), pool=2, **spec.settings)
    assert Model.model_validate_json(model.model_dump_json()) == model
    assert type(spec).from_dict(spec.as_dict()) == spec


def test_its_layers_come_in_order_of_execution_and_none_is_left_out(name: str) -> None:
    network = drawn(name).eval()
    called: list[str] = []
    for layer, module in network.named_layers().items():
        module.register_forward_hook(lambda *_, layer=layer: called.append(layer))
    leave = {point: partial(_through, head) for point, head in network.heads.items()}
    network.base.run(noise(network, 1), leave)
    assert called == list(network.named_layers())
    every = {id(module) for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    assert {id(module) for module in network.named_layers().values()} == every
    assert len(network.named_layers("exits")) == len(network.spec.exits)


def test_an_image_is_answered_alike_alone_and_among_others(name: str) -> None:
    network = enliven_(drawn(name)).double()
    images = noise(network, 6).double()
    with torch.no_grad():
        alone = torch.cat([network(image[None]) for image in images], dim=1)
        torch.testing.assert_close(network(images), alone, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("side", [8, 15])
def test_every_exit_costs_half_of_torchs_flops(name: str, side: int) -> None:
    network = drawn(name, side=side, channels=3).eval()
    costs = exit_costs(network, full_masks(network))
    flops: list[int] = []
    with torch.no_grad(), FlopCounterMode(display=False) as counter:

        def leave(head: nn.Module, x: Tensor) -> Tensor:
            head(x)
            flops.append(counter.get_total_flops())
            return x

        network.base.run(noise(network, 1), {point: partial(leave, head) for point, head in network.heads.items()})
        flops.append(counter.get_total_flops())
    assert [2 * cost.macs for cost in costs] == [2 * cost.macs_dense for cost in costs] == flops
    assert costs[-1].params == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("group", ["all", "base", "exits"])
def test_training_moves_the_group_alone_and_revives_no_weight(
    name: str, group: Group, images: Images, brief: Training, augment: Augment
) -> None:
    network = drawn(name)
    masks = {layer: torch.rand(w.shape) < 0.5 for layer, w in weights(network).items()}
    apply_masks_(network, masks)
    before = {layer: weight.clone() for layer, weight in weights(network).items()}
    train_(network, images, group, brief, augment, 0, masks)
    moved = {layer for layer, weight in weights(network).items() if not torch.equal(weight, before[layer])}
    assert moved == set(network.named_layers(group))
    assert not any(weight[~masks[layer]].any() for layer, weight in weights(network).items())


def test_a_checkpoint_gives_the_same_network_back(name: str, tmp_path: Path) -> None:
    network = enliven_(drawn(name))
    masks = {layer: torch.rand(w.shape) < 0.5 for layer, w in weights(network).items()}
    apply_masks_(network, masks)
    save_checkpoint(tmp_path / "level.safetensors", network, masks, {"name": "level-01"})
    loaded = load_checkpoint(tmp_path / "level.safetensors")
    assert weights_digest(loaded.network) == weights_digest(network)
    assert all(torch.equal(loaded.masks[layer], mask) for layer, mask in masks.items())


@pytest.mark.parametrize("folded", [False, True])
def test_images_leave_where_the_logits_of_all_exits_say(name: str, folded: bool) -> None:
    network = spread_confidences_(enliven_(drawn(name)))
    images = noise(network, 64)
    with torch.no_grad():
        logits = network(images)
    for threshold in thresholds_between(confidence_of(logits)[:-1])[::3]:
        exits = first_confident_exit(confidence_of(logits), threshold)
        stopped = fold(network) if folded else network
        for found in (answer(stopped, images, threshold), answer(segments(stopped), images, threshold)):
            assert torch.equal(found.exit, exits)
            assert torch.equal(found.label, logits[exits, torch.arange(64)].argmax(-1))


def test_folding_changes_nothing(name: str) -> None:
    network = enliven_(drawn(name)).double()
    folded = fold(network)
    assert list(folded.named_layers()) == list(network.named_layers())
    same(network, folded)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.4, 0.8, 1.0])
@pytest.mark.parametrize("side", [8, 12])
def test_dead_channels_are_taken_out_exactly(name: str, share: float, side: int) -> None:
    for seed in range(3):
        network = enliven_(drawn(name, seed, side=side)).double()
        smaller = remove_dead_channels(fold(empty_(network, seed, share)))
        same(network, smaller)
        left = sum(cost.macs for cost in layer_costs(smaller, full_masks(smaller)))
        dense = sum(cost.macs for cost in layer_costs(network, full_masks(network)))
        assert left == dense if share == 0 else left < dense


def pruned_by_filters(name: str, share: float, **more: int) -> EarlyExitNetwork:
    network = enliven_(drawn(name, **more))
    masks, draw = full_masks(network), torch.Generator().manual_seed(0)
    kept = {
        layer: torch.rand(mask.shape, generator=draw) >= share for layer, mask in filter_masks(network, masks).items()
    }
    apply_masks_(network, without_filters(network, masks, kept))
    return network


def test_some_of_its_filters_may_go_and_none_that_an_exit_looks_at(name: str) -> None:
    network = drawn(name)
    free = free_filters(network.spec)
    assert free
    seen = [one for one in coupled(network.spec) if one.seen_by_exits]
    assert len(seen) >= 1
    assert not any(layer in one.layers("makes") for one in seen for layer in free)


@pytest.mark.parametrize("share", [0.3, 0.7, 1.0])
def test_filters_that_go_can_be_taken_out_of_the_network_itself(name: str, share: float) -> None:
    network = pruned_by_filters(name, share).double().eval()
    smaller = remove_filters(network)
    same(network, smaller)
    before, after = ({layer: w.shape for layer, w in weights(one).items()} for one in (network, smaller))
    assert all(after[layer][0] < before[layer][0] for layer in free_filters(network.spec))
    heads = network.named_layers("exits")
    assert all(after[layer] == before[layer] for layer in heads)


def test_a_smaller_network_is_folded_and_made_smaller_as_any_other(name: str) -> None:
    network = pruned_by_filters(name, 0.5).double().eval()
    same(network, remove_dead_channels(fold(remove_filters(network))))


def answers(model: bytes, pixels: Tensor, threshold: float) -> list[np.ndarray]:
    feed = {"pixels": pixels.numpy(), "threshold": np.array(threshold, dtype=np.float32)}
    found: list[np.ndarray] = onnxruntime_session(model, 1).run(["class", "confidence", "exit"], feed)
    return found


@pytest.mark.parametrize("side", [8, 13])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_exported_model_answers_and_leaves_like_pytorch(name: str, side: int, share: float) -> None:
    network = spread_confidences_(empty_(enliven_(drawn(name, side=side, channels=3)), share=share))
    draw = torch.Generator().manual_seed(5)
    pixels = torch.randint(0, 256, (30, 3, side, side), generator=draw, dtype=torch.uint8)
    scaled = (pixels / 255 - 0.5) / 0.25
    with torch.no_grad():
        logits = network(scaled)
    smaller = remove_dead_channels(fold(network))
    model = build_model(smaller, [0.5] * 3, [0.25] * 3).SerializeToString()
    confidence = confidence_of(logits)
    for threshold in thresholds_between(confidence)[::3]:
        exits = first_confident_exit(confidence, threshold)
        label, sure, taken = answers(model, pixels, threshold)
        np.testing.assert_array_equal(taken, exits.numpy())
        np.testing.assert_array_equal(label, logits[exits, torch.arange(30)].argmax(-1).numpy())
        np.testing.assert_allclose(sure, confidence[exits, torch.arange(30)].numpy(), rtol=0, atol=5e-4)
