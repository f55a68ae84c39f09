"""Separable: depthwise convolutions, densely connected. Source: Howard et al. 2017, arXiv:1704.04861, and Huang et al. 2017,
arXiv:1608.06993."""

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from exitprune.config.model import ArchitectureSettings
from exitprune.networks.architectures import Blocks

SMALLEST = {"blocks": 3}


class Settings(ArchitectureSettings):
    blocks: int = Field(ge=2, le=100)
    growth: int = Field(default=8, ge=1, le=512)
    """Channels that each block puts beside those it takes."""

    @property
    def title(self) -> str:
        return f"a separable network of {self.blocks} blocks"

    @property
    def num_blocks(self) -> int:
        return self.blocks


class Block(nn.Module):
    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.wide = nn.Conv2d(channels, 2 * growth, 1, bias=False)
        self.bn_wide = nn.BatchNorm2d(2 * growth)
        self.deep = nn.Conv2d(2 * growth, 2 * growth, 3, padding=1, groups=2 * growth, bias=False)
        self.bn_deep = nn.BatchNorm2d(2 * growth)
        self.narrow = nn.Conv2d(2 * growth, growth, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn_wide(self.wide(F.relu(self.bn(x)))))
        y = F.relu(self.bn_deep(self.deep(y)))
        return torch.cat([x, self.narrow(y)], dim=1)


class Separable(Blocks):
    def __init__(self, settings: Settings, channels: int, num_classes: int) -> None:
        super().__init__()
        growth = settings.growth
        self.conv = nn.Conv2d(channels, growth, 3, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(growth * (number + 1), growth) for number in range(settings.blocks))
        self.fc = nn.Linear(growth * (settings.blocks + 1), num_classes)

    def stem(self, x: Tensor) -> Tensor:
        return self.conv(x)

    def classify(self, features: Tensor) -> Tensor:
        return self.fc(F.relu(features).mean((2, 3)))


def build(settings: Settings, channels: int, num_classes: int) -> Separable:
    return Separable(settings, channels, num_classes)
