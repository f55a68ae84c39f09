"""Parameters of the network: which architecture, that one's own settings, and where exits branch off."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from exitprune.config.section import Section, one_of
from exitprune.variants import names_of, variant


class ArchitectureSettings(Section):
    """What an architecture lets the user set: a file of `networks/architectures` says it as its `Settings`."""

    weights: str | None = None
    """File of the weights that it starts from, safetensors or a state dict of torch; its classifier's may have other classes."""

    @property
    def title(self) -> str:
        """What people call the network, such as ResNet-56."""
        raise NotImplementedError  # each architecture says it

    @property
    def num_blocks(self) -> int:
        """How many blocks it has: an exit may follow each but the last."""
        raise NotImplementedError  # each architecture says it

    @property
    def files(self) -> list[Path]:
        """What the network is made from beside these settings: what is trained on it is made anew where they change."""
        return [] if self.weights is None else [Path(self.weights)]

    @property
    def can_be_built(self) -> bool:
        """Whether the settings are enough to build it; not so for a module that somebody gave."""
        return True

    def check_exits(self, exits: Sequence[int | str]) -> None:
        """Refuse points at which no exit can branch off.

        Raises:
            ValueError: saying which can.
        """
        last = self.num_blocks
        numbers = [block for block in exits if isinstance(block, int) and 1 <= block < last]
        if sorted(set(numbers)) != list(exits):
            raise ValueError(
                f"an early exit follows a block from 1 to {last - 1}, each once and in order "
                f"({self.title} has {last} blocks, the classifier follows the last)"
            )


class NamedSettings(ArchitectureSettings):
    """What a network of somebody else's lets the user set; its exits follow modules, which have names."""

    name: str = Field(min_length=1)
    """Which network."""

    @property
    def title(self) -> str:
        return self.name

    @property
    def num_blocks(self) -> int:
        return 0

    def check_exits(self, exits: Sequence[int | str]) -> None:
        """Names, each once; whether there are such modules, only the network can tell."""
        if not all(isinstance(name, str) and name for name in exits) or len(set(exits)) != len(exits):
            raise ValueError(f"an early exit of {self.title} follows a module: give names, each once and in order")


class BaseNetwork(Section):
    """A network without early exits: its architecture, and beside it that architecture's own settings."""

    model_config = ConfigDict(extra="allow")

    architecture: str = "resnet"

    @field_validator("architecture")
    @classmethod
    def _known(cls, name: str) -> str:
        return one_of(name, names_of("architectures"))

    @model_validator(mode="before")
    @classmethod
    def _null_is_not_set(cls, values: Any) -> Any:
        """params.yaml lists the settings of every architecture; those of the others are null."""
        if not isinstance(values, dict):
            return values
        required = {name for name, field in cls.model_fields.items() if field.is_required()}
        return {name: value for name, value in values.items() if value is not None or name in required}

    @model_validator(mode="after")
    def _settings_are_valid(self) -> Self:
        _ = self.own
        return self

    @property
    def settings(self) -> dict[str, Any]:
        """The architecture's own, as given."""
        return dict(self.model_extra or {})

    @property
    def own(self) -> ArchitectureSettings:
        """The architecture's own, checked."""
        made: ArchitectureSettings = variant("architectures", self.architecture).Settings(**self.settings)
        return made

    def at_depth(self, depth: int) -> BaseNetwork:
        """The same architecture, shallower or deeper."""
        return BaseNetwork(architecture=self.architecture, **{**self.settings, "depth": depth})


class Model(BaseNetwork):
    """The base network and where its exits branch off."""

    exits: list[int | str] = Field(min_length=1)
    """Blocks, counted from 1, or modules, by name, after which an exit branches off; the classifier is always the last exit."""
    pool: int | None = Field(ge=1, le=4096)
    """Side of the grid an exit averages its feature map to, never beyond the map's own; `none` or null: not pooled."""

    @field_validator("pool", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:
        return None if value == "none" else value  # null in params.yaml would let the preset's pool through

    @model_validator(mode="after")
    def _exits_can_be(self) -> Self:
        self.own.check_exits(self.exits)
        return self

    @property
    def base(self) -> BaseNetwork:
        """The network without its exits."""
        return BaseNetwork(architecture=self.architecture, **self.settings)
