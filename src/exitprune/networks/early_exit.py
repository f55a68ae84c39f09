"""The early-exit network: a base network, and linear classifiers on feature maps along the way.

Exits count from 0; the last is the base network's own classifier. Nothing here decides when to leave: see `exiting` for
that, and `runtime` for inference that really stops.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from exitprune.networks.architectures import Architecture, Visit
from exitprune.networks.exit_head import ExitHead, exit_head
from exitprune.networks.groups import EXIT as EXIT
from exitprune.networks.groups import Group as Group
from exitprune.networks.groups import group_of as group_of
from exitprune.networks.map_shapes import Shape, map_shapes, shapes_at
from exitprune.networks.spec import Spec as Spec

if TYPE_CHECKING:
    from exitprune.networks.image_gates import ImageGates

WHOLE: tuple[Group, ...] = ("all", "apart")


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
