"""What it takes to build an early-exit network again: stored in every checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from exitprune.config.model import ArchitectureSettings
from exitprune.networks.architectures import Architecture, Point
from exitprune.variants import variant


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
