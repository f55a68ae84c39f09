"""VGG is the source's: its convolutions are torchvision's, and its maps are halved where theirs are."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import vgg11_bn, vgg13_bn, vgg16_bn

from exitprune.networks.architectures.vgg import Settings, build
from exitprune.networks.coupling import free_filters
from exitprune.networks.early_exit import Spec
from exitprune.networks.map_shapes import shapes_at

THEIRS = {11: vgg11_bn, 13: vgg13_bn, 16: vgg16_bn}


@pytest.mark.parametrize("depth", THEIRS)
def test_the_convolutions_are_those_of_torchvision_in_the_same_order(depth: int) -> None:
    with torch.device("meta"):
        ours, theirs = build(Settings.model_validate({"depth": depth}), 3, 10), THEIRS[depth]().features
    found, wanted = (
        [module.weight.shape for module in network.modules() if isinstance(module, nn.Conv2d)]
        for network in (ours, theirs)
    )
    assert found == wanted


@pytest.mark.parametrize("depth", THEIRS)
def test_maps_are_halved_where_torchvisions_are(depth: int) -> None:
    sides, x = [], torch.zeros(1, 3, 64, 64, device="meta")
    with torch.device("meta"):
        for module in THEIRS[depth]().features.eval():
            x = module(x)
            if isinstance(module, nn.ReLU | nn.MaxPool2d):
                sides.append((type(module), x.shape[2]))
    before = [side for (kind, side), after in zip(sides, [*sides[1:], (nn.ReLU, 0)], strict=True)
              if after[0] is nn.ReLU or kind is nn.MaxPool2d]  # fmt: skip
    with torch.device("meta"):
        base = build(Settings.model_validate({"depth": depth}), 3, 10)
        shapes = shapes_at(base, range(1, len(base.blocks) + 1), torch.zeros(1, 3, 64, 64))
    assert [shape[1] for shape in shapes] == before[1:]


@pytest.mark.parametrize("side", [1, 3, 8, 15])
def test_small_images_go_through_all_blocks(side: int) -> None:
    network = build(Settings(depth=16, width=0.05), 1, 4).eval()
    assert network(torch.zeros(2, 1, side, side)).shape == (2, 4)


def test_width_is_a_share_of_the_filters() -> None:
    network = build(Settings(depth=11, width=0.25), 1, 4)
    widths = [module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert widths == [16, 32, 64, 64, 128, 128, 128, 128]


def test_filters_may_go_where_no_exit_looks() -> None:
    spec = Spec("vgg", {"depth": 11}, 1, 8, 8, 4, (2, 4), 4)
    assert list(free_filters(spec)) == ["first.conv", "b1.conv", "b3.conv", "b5.conv", "b6.conv"]


@pytest.mark.parametrize("settings", [{"depth": 12}, {"depth": 11, "width": 0}, {"depth": 11, "width": 5}, {}])
def test_other_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Settings.model_validate(settings)
