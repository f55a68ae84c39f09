"""Residual networks for small images: depth 6n + 2, option B (1 x 1 projection) shortcuts.

Letters: N images, C channels, H and W height and width of a feature map.
Source: He et al. 2016, "Deep Residual Learning for Image Recognition", section 4.2, arXiv:1512.03385.
"""

from __future__ import annotations

import torch.nn.functional as F
from pydantic import field_validator
from torch import Tensor, nn

from exitprune.config.model import ArchitectureSettings
from exitprune.networks.architectures import Blocks

WIDTHS = (16, 32, 64)
DEEPEST = 1202  # of the source
SMALLEST = {"depth": 8}


class Settings(ArchitectureSettings):
    """How deep it is."""

    depth: int
    """6n + 2 layers in 3n residual blocks."""

    @field_validator("depth")
    @classmethod
    def _three_stages(cls, depth: int) -> int:
        if not 8 <= depth <= DEEPEST or (depth - 2) % 6:
            raise ValueError(f"the depth of a ResNet is 6n + 2 with n of 1 or more: 8, 14, 20, ... {DEEPEST}")
        return depth

    @property
    def title(self) -> str:
        return f"ResNet-{self.depth}"

    @property
    def num_blocks(self) -> int:
        return (self.depth - 2) // 2


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut; the shortcut projects where the shape changes."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.c2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.sc: nn.Conv2d | None = None
        if stride != 1 or in_channels != out_channels:
            self.sc = nn.Conv2d(in_channels, out_channels, 1, stride, bias=False)
            self.bn_sc = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.c1(x)))
        out = self.bn2(self.c2(out))
        shortcut = x if self.sc is None else self.bn_sc(self.sc(x))
        return F.relu(out + shortcut)


class ResNet(Blocks):
    """The base network: stem, 3n residual blocks in three stages, and a classifier on the averaged last map.

    Args:
        per_stage: blocks in each stage.
        channels: of the input images.
        num_classes: outputs of the classifier.
    """

    def __init__(self, per_stage: int, channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, WIDTHS[0], 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(WIDTHS[0])
        blocks: list[Block] = []
        width = WIDTHS[0]
        for stage, out in enumerate(WIDTHS):
            for position in range(per_stage):
                blocks.append(Block(width, out, stride=2 if stage and not position else 1))
                width = out
        self.blocks = nn.ModuleList(blocks)
        self.fc = nn.Linear(width, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def stem(self, x: Tensor) -> Tensor:
        """(N, C, H, W) images to (N, 16, H, W)."""
        return F.relu(self.bn(self.conv(x)))

    def classify(self, features: Tensor) -> Tensor:
        """(N, 64, H, W), the last block's map, to (N, classes) logits."""
        logits: Tensor = self.fc(features.mean((2, 3)))
        return logits

    def named_layers(self) -> dict[str, nn.Module]:
        """By the paper's names: its first convolution is the stem."""
        return {name.replace("conv", "stem"): layer for name, layer in super().named_layers().items()}


def build(settings: Settings, channels: int, num_classes: int) -> ResNet:
    """A ResNet of the depth set."""
    return ResNet(settings.num_blocks // len(WIDTHS), channels, num_classes)
