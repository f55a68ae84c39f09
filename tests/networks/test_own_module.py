"""What strangers write: maps taken apart by `view`, the number of images by `len`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import exitprune
from exitprune.deployment.extras import onnxruntime_session
from exitprune.errors import BadInput
from exitprune.networks.as_drawn import as_drawn
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.early_exit import Spec
from exitprune.networks.fewer_exits import keep_exits
from exitprune.networks.masks import full_masks
from exitprune.networks.own_module import OwnModule

IMAGES = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Viewing(nn.Module):
    """As LeNet is written everywhere."""

    def __init__(self, channels: int = 3, num_classes: int = 4) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(channels, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.fc = nn.Linear(12 * 4 * 4, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.one(x)), 2)
        x = F.max_pool2d(F.relu(self.two(x)), 2)
        logits: Tensor = self.fc(x.view(-1, 12 * 4 * 4))
        return logits


class Tokens(nn.Module):
    """A class token for each of `len(x)` images."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 8, 8)
        self.token = nn.Parameter(torch.zeros(1, 1, 16))
        self.one, self.two = (nn.TransformerEncoderLayer(16, 2, 16, batch_first=True) for _ in range(2))
        self.fc = nn.Linear(16, 4)

    def number(self, x: Tensor) -> int:
        return len(x)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(self.number(x), -1, -1), x], 1)
        logits: Tensor = self.fc(self.two(self.one(x))[:, 0])
        return logits


class Fixed(Tokens):
    """A number of images that the tracer does not see."""

    def number(self, x: Tensor) -> int:
        return int(x.numpy().shape[0])


def viewing(channels: int, num_classes: int) -> nn.Module:
    return Viewing(channels, num_classes)


def test_a_module_that_takes_maps_apart_by_view_is_trained_pruned_saved_and_loaded(tmp_path: Path) -> None:
    net = exitprune.wrap(Viewing(), ["one"], IMAGES)
    net.fit(IMAGES, torch.arange(6) % 4, train="all", epochs=1, batch_size=3)
    net.prune(IMAGES, torch.arange(6) % 4, sparsity=0.5, rounds=1, finetune={"batch_size": 3})
    net.save(tmp_path / "net.safetensors")
    again = exitprune.load(tmp_path / "net.safetensors", Viewing())
    assert torch.equal(again(IMAGES, threshold=0.4)[0], net(IMAGES, threshold=0.4)[0])


def test_without_the_filters_that_are_gone_it_is_what_it_was_channels_first_and_all() -> None:
    module = Viewing()
    module.two = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), module.two)  # type: ignore[assignment]
    net = exitprune.wrap(module, ["one"], IMAGES)
    net.prune(IMAGES, torch.arange(6) % 4, granularity="filter", sparsity=0.5, rounds=1, finetune={"epochs": 0})
    small = net.smaller().eval()
    assert isinstance(small.network.base, OwnModule)
    assert small.exits[-1].macs_dense < net.exits[-1].macs_dense
    small.network.place_("cpu")
    seen = IMAGES.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(small(seen), net.eval()(IMAGES))


def test_a_study_of_it_draws_places_and_keeps_it(tmp_path: Path) -> None:
    spec = Spec("python", {"name": f"{__name__}:viewing"}, 3, 16, 16, 4, ("one",), 1)
    network = as_drawn(spec, 0)
    network.place_("cpu")
    seen = IMAGES.contiguous(memory_format=torch.channels_last)
    masks = full_masks(network)
    save_checkpoint(tmp_path / "level.safetensors", network, masks, {"name": "level-00"})
    assert torch.equal(load_checkpoint(tmp_path / "level.safetensors").network(seen), network(seen))


class Holding(Viewing):
    """Weights are not all that it holds: a mask, a number in double precision, and one that no file keeps."""

    seen: Tensor
    bright: Tensor
    dark: Tensor

    def __init__(self, channels: int = 3, num_classes: int = 4) -> None:
        super().__init__(channels, num_classes)
        self.register_buffer("seen", torch.arange(16) < 9)
        self.register_buffer("bright", torch.tensor(2.0, dtype=torch.float64))
        self.register_buffer("dark", torch.tensor(3.0), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x * self.seen * self.bright.float() + self.dark)


def holding(channels: int, num_classes: int) -> nn.Module:
    return Holding(channels, num_classes)


def test_what_a_module_holds_beside_weights_is_there_again(tmp_path: Path) -> None:
    net = exitprune.wrap(Holding(), ["one"], IMAGES)
    net.save(tmp_path / "net.safetensors")
    torch.testing.assert_close(exitprune.load(tmp_path / "net.safetensors", Holding())(IMAGES), net(IMAGES))
    network = as_drawn(Spec("python", {"name": f"{__name__}:holding"}, 3, 16, 16, 4, ("one", "two"), 1), 0)
    header = {"name": "level-00", "data": "none"}
    save_checkpoint(tmp_path / "level.safetensors", network, full_masks(network), header)
    level = load_checkpoint(tmp_path / "level.safetensors")
    torch.testing.assert_close(level.network(IMAGES), network(IMAGES))
    torch.testing.assert_close(keep_exits(level, [1]).network(IMAGES), network(IMAGES)[1:])


def test_others_lie_channels_last() -> None:
    first = nn.Conv2d(3, 8, 3)
    module = nn.Sequential(first, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4))
    network = exitprune.wrap(module, ["1"], IMAGES).network
    assert isinstance(network.base, OwnModule)
    network.place_("cpu")
    assert first.weight.is_contiguous(memory_format=torch.channels_last)
    assert not first.weight.is_contiguous()


def test_the_number_of_images_is_followed_into_onnx_however_it_is_asked_for(tmp_path: Path) -> None:
    net = exitprune.wrap(Tokens(), ["patch", "one"], IMAGES)
    net.eval().export(tmp_path / "model.onnx")
    session = onnxruntime_session((tmp_path / "model.onnx").read_bytes(), 1)
    pixels = torch.randint(0, 256, (5, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    for threshold in (-1.0, 1.0):
        logits, taken = net(pixels / 255, threshold=threshold)
        feed = {"pixels": pixels.numpy(), "threshold": np.array(threshold, dtype=np.float32)}
        label, exits = session.run(["class", "exit"], feed)
        np.testing.assert_array_equal(exits, taken.numpy())
        np.testing.assert_array_equal(label, logits.argmax(-1).numpy())


def test_a_number_of_images_that_is_not_followed_is_told(tmp_path: Path) -> None:
    net = exitprune.wrap(Fixed(), ["one"], IMAGES)
    with pytest.raises(
        BadInput, match=r"cannot be written as ONNX: as traced, it answers for 8 images like those alone"
    ):
        net.eval().export(tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


class Inverting(Tokens):
    """Its code looks at pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(1 - x if x.amax() < 0.5 else x)


def test_code_that_looks_at_pixels_is_not_written_as_it_went_once(tmp_path: Path) -> None:
    net = exitprune.wrap(Inverting(), ["one"], IMAGES)
    with pytest.raises(BadInput, match="let no `if` look at pixels"):
        net.eval().export(tmp_path / "model.onnx")
