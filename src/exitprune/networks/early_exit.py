"""The early-exit network: a base network, and linear classifiers on feature maps along the way.

Exits count from 0; the last is the base network's own classifier. Nothing here decides when to leave: see `exiting` for
that, and `runtime` for inference that really stops.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.networks.architectures.resnet import Block, ResNet

Group = Literal["base", "exits", "all"]


@dataclass(frozen=True)
class Spec:
    """What it takes to build a network; stored in every checkpoint."""

    depth: int
    channels: int
    height: int
    width: int
    num_classes: int
    exits: tuple[int, ...]
    """Blocks, counted from 1, after which an exit branches off."""
    pool: int | None
    """Side of the grid an exit averages its map to; None: not pooled."""

    def __post_init__(self) -> None:
        last = (self.depth - 2) // 2
        if sorted(set(self.exits)) != list(self.exits) or not all(1 <= block < last for block in self.exits):
            raise ValueError(f"exits {self.exits}: blocks from 1 to {last - 1}, each once and in order")

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `Spec(**...)` takes it back."""
        return {**asdict(self), "exits": list(self.exits)}


class ExitHead(nn.Module):
    """Average a feature map to a small grid and classify that with one linear layer.

    Args:
        channels, height, width: of the feature map.
        pool: side of the grid, cut to the map's own; None: the map as it is.
        num_classes: outputs.
    """

    def __init__(self, channels: int, height: int, width: int, pool: int | None, num_classes: int) -> None:
        super().__init__()
        self.grid = (height, width) if pool is None else (min(pool, height), min(pool, width))
        self.fc = nn.Linear(channels * self.grid[0] * self.grid[1], num_classes)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K) logits."""
        if self.grid != tuple(features.shape[2:]):
            features = F.adaptive_avg_pool2d(features, self.grid)
        logits: Tensor = self.fc(features.flatten(1))
        return logits


class EarlyExitNetwork(nn.Module):
    """A base network and its exit heads.

    The two groups of parameters are `base` (the base network, its classifier included) and `exits` (the heads).
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.base = ResNet(spec.depth, spec.channels, spec.num_classes)
        shapes = self._feature_shapes()
        self.exits = nn.ModuleList(
            ExitHead(*shapes[block - 1], pool=spec.pool, num_classes=spec.num_classes) for block in spec.exits
        )

    def _feature_shapes(self) -> list[tuple[int, int, int]]:
        """(C, H, W) after each block, without computing anything."""
        height, width, shapes = self.spec.height, self.spec.width, []
        for block in self.blocks:
            stride = block.c1.stride[0]
            height, width = -(-height // stride), -(-width // stride)
            shapes.append((block.c2.out_channels, height, width))
        return shapes

    @property
    def blocks(self) -> list[Block]:
        """The base network's residual blocks in order of execution."""
        return cast(list[Block], list(self.base.blocks))

    @property
    def heads(self) -> dict[int, ExitHead]:
        """The exit heads by the block, counted from 1, that each follows."""
        return dict(zip(self.spec.exits, cast(list[ExitHead], list(self.exits)), strict=True))

    def place_(self, device: torch.device | str) -> None:
        """Move to a device, channels last in memory: small convolutions are faster that way."""
        self.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def num_exits(self) -> int:
        """Early exits and the classifier."""
        return len(self.exits) + 1

    def features(self, x: Tensor) -> Iterator[Tensor]:
        """(N, C, H, W) images to the feature map that each exit sees, the classifier's last."""
        x = self.base.stem(x)
        for index, block in enumerate(self.blocks, 1):
            x = block(x)
            if index in self.spec.exits:
                yield x
        yield x

    def forward(self, x: Tensor, group: Group = "all") -> Tensor:
        """Logits of the exits that the group has.

        Args:
            x: (N, C, H, W), normalised images.
            group: `all` gives every exit, `base` the classifier alone, `exits` the early ones, with no gradient to
                the base network.

        Returns:
            (E, N, K).
        """
        if group == "base":
            logits: Tensor = self.base(x)
            return logits.unsqueeze(0)
        if group == "exits":
            with torch.no_grad():
                maps = list(self.features(x))[:-1]
            return torch.stack([head(map_) for head, map_ in zip(self.exits, maps, strict=True)])
        return self.classify(list(self.features(x)))

    def classify(self, maps: Sequence[Tensor]) -> Tensor:
        """The feature maps that `features` gives to (E, N, K) logits."""
        *early, last = maps
        logits = [head(map_) for head, map_ in zip(self.exits, early, strict=True)]
        return torch.stack([*logits, self.base.classify(last)])

    def named_layers(self, group: Group = "all") -> dict[str, nn.Module]:
        """Prunable layers (convolutions and linear layers) of a group in order of execution, by the paper's names."""
        layers: dict[str, nn.Module] = {"stem": self.base.conv}
        heads = self.heads
        for index, block in enumerate(self.blocks, 1):
            layers.update({f"b{index}.{part}": layer for part, layer in block.named_layers().items()})
            if index in heads:
                layers[f"exit{self.spec.exits.index(index) + 1}"] = heads[index].fc
        layers["fc"] = self.base.fc
        return {name: layer for name, layer in layers.items() if group in ("all", group_of(name))}


def group_of(layer: str) -> Group:
    """`exits` for the layer of an exit head, else `base`."""
    return "exits" if layer.startswith("exit") else "base"
