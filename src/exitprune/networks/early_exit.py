"""The early-exit network: a base network, and linear classifiers on feature maps along the way.

Exits count from 0; the last is the base network's own classifier. Nothing here decides when to leave: see `exiting` for
that, and `runtime` for inference that really stops.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache, cached_property
from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.config.model import ArchitectureSettings
from exitprune.networks.architectures import Architecture
from exitprune.networks.groups import EXIT as EXIT
from exitprune.networks.groups import Group as Group
from exitprune.networks.groups import group_of as group_of
from exitprune.shapes_only import shapes_only
from exitprune.variants import variant

WHOLE: tuple[Group, ...] = ("all", "apart")


@dataclass(frozen=True)
class Spec:
    """What it takes to build a network; stored in every checkpoint.

    Raises:
        ValueError: if there is no such architecture, its settings are not allowed, or an exit is not inside it.
    """

    architecture: str
    settings: Mapping[str, Any]
    """The architecture's own."""
    channels: int
    height: int
    width: int
    num_classes: int
    exits: tuple[int, ...]
    """Blocks, counted from 1, after which an exit branches off."""
    pool: int | None
    """Side of the grid an exit averages its map to; None: not pooled."""
    classifier: Literal["base", "exits"] = "base"
    """The group that the base network's own classifier belongs to."""

    def __post_init__(self) -> None:
        last = self.own.num_blocks
        if sorted(set(self.exits)) != list(self.exits) or not all(1 <= block < last for block in self.exits):
            raise ValueError(f"exits {self.exits}: blocks from 1 to {last - 1}, each once and in order")

    @property
    def own(self) -> ArchitectureSettings:
        """The architecture's settings, checked."""
        made: ArchitectureSettings = variant("architectures", self.architecture).Settings(**self.settings)
        return made

    def build_base(self) -> Architecture:
        """The network without exits, its weights drawn."""
        made: Architecture = variant("architectures", self.architecture).build(
            self.own, self.channels, self.num_classes
        )
        return made

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `from_dict` takes it back."""
        return {**asdict(self), "settings": dict(self.settings), "exits": list(self.exits)}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Spec:
        """What `as_dict` gave."""
        return cls(**{**told, "exits": tuple(told["exits"])})


def map_shapes(spec: Spec) -> list[tuple[int, int, int]]:
    """(C, H, W) of the map after each block.

    Raises:
        ValueError: if images of this size are too small for the architecture.
    """
    return _map_shapes(json.dumps({**spec.as_dict(), "exits": [], "pool": None}))


@cache
def _map_shapes(told: str) -> list[tuple[int, int, int]]:
    spec, shapes = Spec.from_dict(json.loads(told)), []
    with shapes_only(spec.channels * spec.height * spec.width):
        base = spec.build_base().eval()
        try:
            x = base.stem(torch.zeros(1, spec.channels, spec.height, spec.width))
            for block in base.blocks:
                x = block(x)
                shapes.append(cast(tuple[int, int, int], tuple(x.shape[1:])))
        except RuntimeError as error:
            raise ValueError(f"{spec.own.title} cannot take images of {spec.height} x {spec.width} ({error})") from None
    return shapes


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
        self.base = spec.build_base()
        shapes = map_shapes(spec) if spec.exits else []
        self.exits = nn.ModuleList(
            ExitHead(*shapes[block - 1], pool=spec.pool, num_classes=spec.num_classes) for block in spec.exits
        )

    @property
    def blocks(self) -> list[Any]:
        """The base network's blocks in order of execution; what they are is the architecture's own."""
        return list(self.base.blocks)

    @property
    def heads(self) -> dict[int, ExitHead]:
        """The exit heads by the block, counted from 1, that each follows."""
        return dict(zip(self.spec.exits, cast(list[ExitHead], list(self.exits)), strict=True))

    @property
    def classifiers(self) -> list[Callable[[Tensor], Tensor]]:
        """What makes logits of each map that `features` gives: the exit heads, and the base network's own classifier."""
        return [*self.heads.values(), self.base.classify]

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
            group: `all` gives every exit; `apart` too, with a gradient to what is before them from the classifier alone; `base`
                the classifier alone; `exits` the early ones (and the classifier, if it is of that group), with no gradient to
                what is before them.

        Returns:
            (E, N, K).
        """
        if group == "base":
            logits: Tensor = self.base(x)
            return logits.unsqueeze(0)
        if group == "exits":
            with torch.no_grad():
                maps = list(self.features(x))
            if self.spec.classifier == "exits":
                return self.classify(maps)
            return torch.stack([head(map_) for head, map_ in zip(self.exits, maps[:-1], strict=True)])
        if group == "apart":
            *early, last = self.features(x)
            return self.classify([*(map_.detach() for map_ in early), last])
        return self.classify(list(self.features(x)))

    def classify(self, maps: Sequence[Tensor]) -> Tensor:
        """The feature maps that `features` gives to (E, N, K) logits."""
        return torch.stack([head(map_) for head, map_ in zip(self.classifiers, maps, strict=True)])

    def named_layers(self, group: Group = "all") -> dict[str, nn.Module]:
        """Prunable layers (convolutions and linear layers) of a group in order of execution, by name.

        The base network's have the names that its architecture gives them, the head of exit e is called `exit<e>`.
        """
        after = {id(part): number for number, block in enumerate(self.blocks, 1) for part in block.modules()}
        layers: dict[str, nn.Module] = {}
        heads, block = list(enumerate(self.heads.items())), 0
        for name, layer in self.base.named_layers().items():
            # A layer in no block is the stem's, or comes after all blocks.
            block = after.get(id(layer), len(self.blocks) + 1 if block else 0)
            while heads and heads[0][1][0] < block:
                number, (_, head) = heads.pop(0)
                layers[f"{EXIT}{number}"] = head.fc
            layers[name] = layer
        layers |= {f"{EXIT}{number}": head.fc for number, (_, head) in heads}
        return {name: layer for name, layer in layers.items() if group in (*WHOLE, self.group_of(name))}

    def group_of(self, layer: str) -> Group:
        """The group of a layer, by its name."""
        return "exits" if self.spec.classifier == "exits" and layer in self._classifier else group_of(layer)

    @cached_property
    def _classifier(self) -> dict[str, nn.Module]:
        """The base network's layers after its last block."""
        layers, inner = self.base.named_layers(), {id(module) for block in self.blocks for module in block.modules()}
        last = max(number for number, layer in enumerate(layers.values()) if id(layer) in inner)
        return dict(list(layers.items())[last + 1 :])

    def parts(self, group: Group) -> list[nn.Module]:
        """The modules that make up a group, its batch norms too."""
        if group in WHOLE:
            return [self]
        classifier = list(self._classifier.values()) if self.spec.classifier == "exits" else []
        if group == "exits":
            return [self.exits, *classifier]
        if not classifier:
            return [self.base]
        single = [module for module in self.base.modules() if not list(module.children())]
        return [module for module in single if not any(module is layer for layer in classifier)]
