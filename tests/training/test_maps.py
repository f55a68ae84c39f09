from __future__ import annotations

import copy

import pytest
import torch

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.training import loop, maps
from exitprune.training.loop import train_
from exitprune.training.maps import kept_maps

STILL = Augment(pad=0, flip=False)
BRIEF = Training(epochs=2, lr=0.1, lr_scheduler="one_cycle", momentum=0.9, weight_decay=0.001, batch_size=8)


def network_of(classifier: str) -> EarlyExitNetwork:
    torch.manual_seed(0)
    spec = Spec("resnet", {"depth": 8}, 1, 8, 8, 10, (1, 2), 2, classifier)  # type: ignore[arg-type]
    return EarlyExitNetwork(spec).eval()


@pytest.fixture
def images() -> Images:
    draws = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8, generator=draws)
    return Images(pixels, torch.arange(40) % 10, torch.full((1, 1, 1), 0.5), torch.full((1, 1, 1), 0.3))


@pytest.mark.parametrize("classifier", ["base", "exits"])
def test_exits_learn_from_kept_maps_what_they_learn_from_images(
    classifier: str, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, fresh = network_of(classifier), network_of(classifier)
    before = copy.deepcopy(kept)
    train_(kept, images, "exits", BRIEF, STILL, 3, full_masks(kept))
    monkeypatch.setattr(loop, "kept_maps", lambda *told: None)
    train_(fresh, images, "exits", BRIEF, STILL, 3, full_masks(fresh))
    for name, tensor in kept.state_dict().items():
        torch.testing.assert_close(tensor, fresh.state_dict()[name], atol=1e-5, rtol=1e-5)
    moved = {name for name, value in kept.state_dict().items() if not value.equal(before.state_dict()[name])}
    heads = {"exits.0.fc.weight", "exits.0.fc.bias", "exits.1.fc.weight", "exits.1.fc.bias"}
    assert moved == heads | ({"base.fc.weight", "base.fc.bias"} if classifier == "exits" else set())


def test_what_changes_from_step_to_step_is_not_kept(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_of("base")
    assert kept_maps(network, "all", images, STILL) is None
    assert kept_maps(network, "exits", images, Augment(pad=1, flip=False)) is None
    assert kept_maps(network, "exits", images, Augment(pad=0, flip=True)) is None
    found = kept_maps(network, "exits", images, STILL)
    assert found is not None
    assert [tuple(seen.shape) for seen in found.averages] == [(40, 64), (40, 128)]
    monkeypatch.setattr(maps, "LARGEST", 1000)
    assert kept_maps(network, "exits", images, STILL) is None
