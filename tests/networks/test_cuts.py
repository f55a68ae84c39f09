"""Points are found and refused by trying; what cannot be wrapped is refused in one sentence, before any training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

import exitprune
from exitprune.errors import BadInput
from exitprune.library.early_exits import EarlyExits
from exitprune.networks.named import Named

IMAGES = torch.zeros(2, 3, 32, 32)


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        branch: Tensor = self.relu(self.conv(x))
        return x + branch


class Net(nn.Module):
    """Two residual blocks, a skip beside both, one layer that is used twice."""

    def __init__(self, skips: bool = False, repeats: bool = False) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.one, self.two = Block(8), Block(8)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 4)
        self.skips, self.repeats = skips, repeats

    def forward(self, x: Tensor) -> Tensor:
        x = first = self.stem(x)
        x = self.two(self.one(x))
        if self.repeats:
            x = self.one(x)
        if self.skips:
            x = torch.cat([x[:, :4], first[:, :4]], 1)
        logits: Tensor = self.head(self.pool(x).flatten(1))
        return logits


class AmongOthers(Net):
    """What it says of an image depends on the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) - super().forward(x).mean(0)


class Counting(Net):
    """It counts its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.get_buffer("calls").add_(1)
        return super().forward(x)


class Two(Net):
    """In training it gives two things."""

    def forward(self, x: Tensor) -> Any:
        return (super().forward(x), None) if self.training else super().forward(x)


def test_points_come_in_order_and_share_what_the_whole_costs() -> None:
    points = exitprune.cut_points(Net(), IMAGES)
    assert [point.name for point in points] == ["stem", "one", "two", "pool"]
    pixels, conv = 32 * 32, 8 * 8 * 9
    macs = [pixels * 3 * 8 * 9, pixels * (3 * 8 * 9 + conv), *[pixels * (3 * 8 * 9 + 2 * conv)] * 2]
    assert [point.macs for point in points] == macs
    assert [point.share for point in points] == [one / (macs[-1] + 8 * 4) for one in macs]
    sizes = [(point.channels, point.height, point.width) for point in points]
    assert sizes == [(8, 32, 32), (8, 32, 32), (8, 32, 32), (8, 1, 1)]


@pytest.mark.parametrize(
    ("module", "after", "sentence"),
    [
        (Net(), ["ones"], "Net has no module 'ones'; nearest: one"),
        (Net(), ["two", "one"], "exits follow each other as they run, each once: one, two"),
        (Net(), ["one", "one"], "exits follow each other as they run, each once: one"),
        (Net(), ["one.conv"], "more than the map after one.conv carries on in Net.*the nearest point that works: one"),
        (Net(), ["head"], "head of Net is where the network's own classifier answers"),
        (Net(skips=True), ["one"], "more than the map after one carries on.*the nearest point that works: stem"),
        (Net(repeats=True), ["one"], "one of Net does not run once for each image; the nearest point that works: "),
        (Net(repeats=True), ["two"], "the weights of one.conv are used before and after two"),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), ["0"], r"Sequential is no classifier: it gives a tensor \(3, 4, 30, 30\)"),
        (Two(), ["one"], "Two is no classifier: in training it gives a tuple for 3 images, not"),
        (AmongOthers(), ["one"], "AmongOthers answers for an image by what else is in the batch"),
        (Counting(), ["one"], "Counting keeps something from one image to the next"),
        (nn.Sequential(nn.Conv2d(1, 4, 3)), ["0"], "Sequential cannot take images of 3 x 32 x 32"),
        (nn.Flatten(), ["0"], "Flatten has no parameters"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(module: nn.Module, after: list[str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence) as refused:
        exitprune.wrap(module, after, IMAGES)
    assert "\n" not in str(refused.value)


def test_an_image_size_that_the_network_is_not_made_for_is_refused() -> None:
    transformer = models.VisionTransformer(64, 16, 1, 2, 16, 16, num_classes=4)
    with pytest.raises(BadInput, match=r"VisionTransformer cannot take images of 3 x 32 x 32: .*64"):
        exitprune.wrap(transformer, ["encoder.layers.encoder_layer_0"], IMAGES)


def test_a_map_that_is_changed_in_place_later_is_no_point() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    with pytest.raises(BadInput, match=r"or it is changed in place later.*the nearest point that works: 1"):
        exitprune.wrap(module, ["0"], IMAGES)
    assert [exit_.name for exit_ in exitprune.wrap(module, ["1"], IMAGES).exits] == ["1", "classifier"]


def test_a_layer_that_an_own_network_calls_as_heads_are_called_is_told_apart() -> None:
    class Own(Net):
        def __init__(self) -> None:
            super().__init__()
            self.exit_conv = nn.Conv2d(8, 8, 1)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.head(self.pool(self.exit_conv(self.one(self.stem(x)))).flatten(1))
            return logits

    network = exitprune.wrap(Own(), ["one"], IMAGES).network
    assert list(network.named_layers("exits")) == ["exit0"]
    assert "exit_conv" in network.named_layers("base")


def test_nothing_is_left_behind_in_the_module() -> None:
    module = Net()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    exitprune.cut_points(module, IMAGES)
    net = exitprune.wrap(module, ["one"], IMAGES)
    net(IMAGES, threshold=-1.0)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert isinstance(net.network.base, Named)
    assert net.module is module


def test_what_is_saved_is_taken_back_with_its_module_and_with_no_other(tmp_path: Path) -> None:
    net = exitprune.wrap(Net(), ["one"], IMAGES)
    net.save(tmp_path / "net.safetensors")
    assert exitprune.load(tmp_path / "net.safetensors", Net()).exits == net.exits
    with pytest.raises(BadInput, match="Net was given as a module, and cannot be built anew: give the module again"):
        exitprune.load(tmp_path / "net.safetensors")
    with pytest.raises(BadInput, match=r"net.safetensors: is of another network than the one given"):
        exitprune.load(tmp_path / "net.safetensors", nn.Sequential(nn.Conv2d(3, 8, 1), nn.Flatten()))
    wider = Net()
    wider.head = nn.Linear(8, 5)
    with pytest.raises(BadInput, match=r"net.safetensors: .*head.bias is F32 .*, the network its header describes has"):
        exitprune.load(tmp_path / "net.safetensors", wider)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda net: net.fit(IMAGES[:, :1], torch.zeros(2)),
            r"images are \(2, 1, 32, 32\); this network was wrapped for",
        ),
        (lambda net: net.fit(IMAGES, torch.tensor([0, 4])), r"labels are \(N,\) int64, from 0 to 3"),
        (lambda net: net.fit(IMAGES, torch.tensor([0, 1]), rate=1.0), "rate: Extra inputs are not permitted"),
        (lambda net: net.prune(IMAGES, torch.tensor([0, 1]), order="both"), "order: there is no 'both'; allowed: "),
        (lambda net: net.prune(IMAGES, torch.tensor([0, 1]), sparsity=1.0), "sparsity: Input should be less than 1"),
        (lambda net: net.prune(IMAGES, torch.tensor([0, 1]), granularity="block"), "not made of blocks in a row"),
        (lambda net: net.prune(IMAGES, torch.tensor([0, 1]), granularity="filter"), "nothing here may go so"),
        (lambda net: net.threshold(IMAGES, torch.tensor([0, 1]), lost=1.0), "a threshold keeps one limit"),
    ],
)
def test_calls_of_the_library_refuse_in_a_sentence(call: Callable[[EarlyExits], object], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        call(exitprune.wrap(Net(), ["one"], IMAGES))


def test_a_threshold_keeps_its_limit_and_is_judged_by_what_it_gives() -> None:
    images = torch.randn(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(40) % 4
    net = exitprune.wrap(Net(), ["one"], images)
    net.fit(images, labels, train="all", epochs=1, batch_size=8)
    found = net.evaluate(images, labels, net.threshold(images, labels, macs_share=0.9))
    assert found.average_macs <= 0.9 * net.exits[-1].macs
    assert net.evaluate(images, labels, 1.0).accuracy == net.accuracy(images, labels)[-1]
