"""VGG networks for small images: 3 x 3 convolutions one after the other, with batch norm and one linear classifier.

The source's three linear layers, made for 7 x 7 maps, are one here, on the averaged last map; the depth is the source's all
the same. Maps that are a pixel wide already are not halved further, so images may be small.

Letters: N images, C channels, K classes, H and W height and width of a feature map.
Source: Simonyan and Zisserman 2015, "Very Deep Convolutional Networks for Large-Scale Image Recognition", table 1,
arXiv:1409.1556; batch norm: Ioffe and Szegedy 2015, arXiv:1502.03167.
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from exitprune.config.model import ArchitectureSettings
from exitprune.networks.architectures import Blocks

CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3)}
"""By depth: how many in each of the five stages, whose maps are halved after the last."""
FILTERS = (64, 128, 256, 512, 512)
SMALLEST = {"depth": 11, "width": 0.125}


class Settings(ArchitectureSettings):
    """How deep and how wide it is."""

    depth: Literal[11, 13, 16]
    width: float = Field(default=1.0, gt=0, le=4)
    """Filters of each convolution, as a share of the source's."""

    @property
    def title(self) -> str:
        return f"VGG-{self.depth}" + (f" of width {self.width:g}" if self.width != 1 else "")

    @property
    def num_blocks(self) -> int:
        return sum(CONVOLUTIONS[self.depth]) - 1  # the first is the stem


class Block(nn.Module):
    """A 3 x 3 convolution; the last of a stage halves its map."""

    def __init__(self, in_channels: int, out_channels: int, halves: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)
        self.halves = halves

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(x)))
        return F.max_pool2d(x, 2, ceil_mode=True) if self.halves else x


class VGG(Blocks):
    """The base network: the first convolution as stem, the others as blocks, and a classifier on the averaged last map.

    Args:
        filters: of each convolution, and whether the map is halved after it.
        channels: of the input images.
        num_classes: outputs of the classifier.
    """

    def __init__(self, filters: list[tuple[int, bool]], channels: int, num_classes: int) -> None:
        super().__init__()
        (first, halves), *others = filters
        self.first = Block(channels, first, halves)
        widths = [first, *(width for width, _ in others)]
        self.blocks = nn.ModuleList(Block(into, *out) for into, out in zip(widths, others, strict=False))
        self.fc = nn.Linear(widths[-1], num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stem(self, x: Tensor) -> Tensor:
        """(N, C, H, W) images to the first map."""
        features: Tensor = self.first(x)
        return features

    def classify(self, features: Tensor) -> Tensor:
        """The last block's map to (N, K) logits."""
        logits: Tensor = self.fc(features.mean((2, 3)))
        return logits


def build(settings: Settings, channels: int, num_classes: int) -> VGG:
    """A VGG of the depth and width set."""
    filters = [
        (max(1, round(settings.width * width)), place == number)
        for number, width in zip(CONVOLUTIONS[settings.depth], FILTERS, strict=True)
        for place in range(1, number + 1)
    ]
    return VGG(filters, channels, num_classes)
