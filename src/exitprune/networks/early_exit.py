"""The early-exit network: a base network, and linear classifiers on feature maps along the way.

Exits count from 0; the last is the base network's own classifier. Nothing here decides when to leave: see `exiting` for
that, and `runtime` for inference that really stops.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.config.model import ArchitectureSettings
from exitprune.errors import BadInput
from exitprune.networks.architectures import Architecture, Point, Visit
from exitprune.networks.groups import EXIT as EXIT
from exitprune.networks.groups import Group as Group
from exitprune.networks.groups import group_of as group_of
from exitprune.shapes_only import shapes_only
from exitprune.variants import variant

if TYPE_CHECKING:
    from exitprune.networks.image_gates import ImageGates

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
    exits: tuple[Point, ...]
    """Points of the architecture, in order, at which an exit branches off."""
    pool: int | None
    """Side of the grid an exit averages its map to; None: not pooled."""
    classifier: Literal["base", "exits"] = "base"
    """The group that the base network's own classifier belongs to."""
    gated: bool = False
    """Whether gates look at each image and let through some of the filters only: see `image_gates`."""

    def __post_init__(self) -> None:
        self.own.check_exits(self.exits)

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
        """For JSON; `from_dict` takes it back. Nothing is said of gates where there are none."""
        told = {**asdict(self), "settings": dict(self.settings), "exits": list(self.exits)}
        return told if self.gated else {name: value for name, value in told.items() if name != "gated"}

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Spec:
        """What `as_dict` gave."""
        return cls(**{**told, "exits": tuple(told["exits"])})


Shape = tuple[int, ...]
"""Of a map, of one image."""


def map_shapes(spec: Spec) -> list[Shape]:
    """The shape of the map that each exit sees, and of what the classifier takes, if the architecture says that.

    Raises:
        ValueError: if images of this size are too small for the architecture.
    """
    return _map_shapes(json.dumps({**spec.as_dict(), "pool": None}))


@cache
def _map_shapes(told: str) -> list[Shape]:
    spec = Spec.from_dict(json.loads(told))
    with shapes_only(spec.channels * spec.height * spec.width):
        try:
            return shapes_at(spec.build_base(), spec.exits, torch.zeros(1, spec.channels, spec.height, spec.width))
        except RuntimeError as error:
            raise ValueError(f"{spec.own.title} cannot take images of {spec.height} x {spec.width} ({error})") from None


@torch.no_grad()
def shapes_at(base: Architecture, points: Sequence[Point], images: Tensor) -> list[Shape]:
    """The shape of the map at each point."""
    shapes: list[Shape] = []

    def note(x: Tensor) -> Tensor:
        shapes.append(tuple(x.shape[1:]))
        return x

    modes = {module: module.training for module in base.modules()}
    base.eval().run(images, dict.fromkeys(points, note))
    for module, mode in modes.items():
        module.training = mode
    return shapes


def as_channels_first(shape: Shape, height: int, width: int) -> tuple[int, int, int] | None:
    """Which dimensions of a map are (C, H, W), of an image of that height and width; None: it has other dimensions.

    Of a map of two dimensions, tokens by channels, the tokens are the height; one of one dimension is all channels. In one of
    three, channels are first, unless height and width fit the image better when they are last.
    """
    if len(shape) == 1:
        return shape[0], 1, 1
    if len(shape) == 2:
        return shape[1], shape[0], 1
    if len(shape) != 3:
        return None
    first, last = (abs(math.log(h / w * width / height)) for h, w in (shape[1:], shape[:2]))
    return (shape[2], shape[0], shape[1]) if last < first else shape


class ExitHead(nn.Module):
    """Average a feature map to a small grid and classify that with one linear layer.

    Args:
        channels, height, width: of the feature map.
        pool: side of the grid, cut to the map's own; None: the map as it is.
        num_classes: outputs.
        channels_last: whether maps come as (N, H, W, C), (N, H, C) or (N, C), instead of (N, C, H, W).
    """

    def __init__(
        self, channels: int, height: int, width: int, pool: int | None, num_classes: int, channels_last: bool = False
    ) -> None:
        super().__init__()
        self.channels_last = channels_last
        self.grid = (height, width) if pool is None else (min(pool, height), min(pool, width))
        self.fc = nn.Linear(channels * self.grid[0] * self.grid[1], num_classes)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to (N, K) logits."""
        logits: Tensor = self.fc(self.averages(features))
        return logits

    def averages(self, features: Tensor) -> Tensor:
        """(N, C, H, W) to what the linear layer sees of it: (N, C x cells of the grid)."""
        if self.channels_last:
            for _ in range(features.dim(), 4):  # (N, C) and (N, H, C) to (N, H, W, C)
                features = features.unsqueeze(-2)
            features = features.permute(0, 3, 1, 2)
        if self.grid != tuple(features.shape[2:]):
            features = F.adaptive_avg_pool2d(features, self.grid)
        return features.flatten(1)


class EarlyExitNetwork(nn.Module):
    """A base network and its exit heads.

    The two groups of parameters are `base` (the base network, its classifier included) and `exits` (the heads).
    """

    gates: ImageGates
    """There only if the spec says so."""

    def __init__(self, spec: Spec, base: Architecture | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.base = base if base is not None else spec.build_base()
        size = spec.height, spec.width
        shapes: list[Shape] = []
        if base is not None:
            shapes = shapes_at(base, spec.exits, next(base.parameters()).new_zeros(1, spec.channels, *size))
        elif spec.exits:
            shapes = map_shapes(spec)
        self.exits = nn.ModuleList(exit_head(shape, size, spec.pool, spec.num_classes) for shape in shapes)
        if spec.gated:
            self.add_gates_()

    def add_gates_(self) -> None:
        """Let gates look at each image from now on; their weights are drawn."""
        from exitprune.networks.image_gates import ImageGates  # which must know networks

        self.spec = replace(self.spec, gated=True)
        self.gates = ImageGates(self).to(next(self.parameters()).device)

    def _run(self, x: Tensor, at: Mapping[Any, Visit], last: Visit | None = None) -> Tensor:
        """The base network, gates in place if there are any."""
        if not self.spec.gated:
            return self.base.run(x, at, last)
        with self.gates.looking(self):
            return self.base.run(x, at, last)

    @property
    def heads(self) -> dict[Any, ExitHead]:
        """The exit heads by the point that each follows."""
        return dict(zip(self.spec.exits, cast(list[ExitHead], list(self.exits)), strict=True))

    def place_(self, device: torch.device | str) -> None:
        """Move to a device, channels last in memory: small convolutions are faster that way."""
        self.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    @property
    def num_exits(self) -> int:
        """Early exits and the classifier."""
        return len(self.exits) + 1

    def features(self, x: Tensor, last: Visit | None = None) -> tuple[list[Tensor], Tensor]:
        """What the heads need, and the base network's own answer.

        Args:
            x: (N, C, H, W), normalised images.
            last: as for `Architecture.run`.

        Returns:
            The map at each early exit, and (N, K) logits.
        """
        maps: list[Tensor] = []

        def keep(map_: Tensor) -> Tensor:
            maps.append(map_)
            return map_

        logits = self._run(x, dict.fromkeys(self.spec.exits, keep), last)
        return maps, logits

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
            logits = self._run(x, {})
            return logits.unsqueeze(0)
        if group == "exits" and self.spec.classifier == "exits":
            maps, logits = self.features(x, torch.Tensor.detach)
            return self.classify([map_.detach() for map_ in maps], logits)
        if group == "exits":
            with torch.no_grad():
                maps, _ = self.features(x)
            return self.classify(maps)
        if group == "apart":
            maps, logits = self.features(x)
            return self.classify([map_.detach() for map_ in maps], logits)
        return self.classify(*self.features(x))

    def classify(self, maps: Sequence[Tensor], logits: Tensor | None = None) -> Tensor:
        """What `features` gives to (E, N, K) logits; without the base network's own, those of the early exits."""
        early = [head(map_) for head, map_ in zip(self.exits, maps, strict=True)]
        return torch.stack(early if logits is None else [*early, logits])

    def named_layers(self, group: Group = "all") -> dict[str, nn.Module]:
        """Prunable layers (convolutions and linear layers) of a group in order of execution, by name.

        The base network's have the names that its architecture gives them, the head of exit e is called `exit<e>`.
        """
        layers: dict[str, nn.Module] = {}
        for number, part in enumerate(self._in_order()):
            layers |= part
            if number < len(self.exits):
                layers[f"{EXIT}{number}"] = cast(ExitHead, self.exits[number]).fc
        return {name: layer for name, layer in layers.items() if group in (*WHOLE, self.group_of(name))}

    def _in_order(self) -> list[dict[str, nn.Module]]:
        spec = self.spec
        return self.base.in_order(spec.exits, (spec.channels, spec.height, spec.width))

    def group_of(self, layer: str) -> Group:
        """The group of a layer, by its name."""
        return "exits" if self.spec.classifier == "exits" and layer in self.base_classifier else group_of(layer)

    @cached_property
    def base_classifier(self) -> dict[str, nn.Module]:
        """The layers of the base network's own classifier."""
        return self._in_order()[-1]

    def parts(self, group: Group) -> list[nn.Module]:
        """The modules that make up a group, its batch norms too."""
        if group in WHOLE:
            return [self]
        classifier = list(self.base_classifier.values()) if self.spec.classifier == "exits" else []
        if group == "exits":
            return [self.exits, *classifier]
        gates = [self.gates] if self.spec.gated else []
        if not classifier:
            return [self.base, *gates]
        single = [module for module in self.base.modules() if not list(module.children())]
        return [*(module for module in single if not any(module is layer for layer in classifier)), *gates]


def exit_head(shape: Shape, size: tuple[int, int], pool: int | None, num_classes: int) -> ExitHead:
    """The head that fits a map.

    Args:
        shape: of the map, of one image.
        size: height and width of an image.
        pool, num_classes: as for `ExitHead`.

    Raises:
        BadInput: if it has too many dimensions.
    """
    found = as_channels_first(shape, *size)
    if found is None:
        raise BadInput(f"a map of {len(shape)} dimensions, {shape}, fits no exit: maps, tokens and vectors do")
    return ExitHead(*found, pool, num_classes, channels_last=found != shape)
