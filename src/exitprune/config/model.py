"""Parameters of the network."""

from __future__ import annotations

from typing import Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from exitprune.config.section import Section

Depth = Literal[8, 20, 32, 44, 56, 110]
DEPTHS: tuple[int, ...] = get_args(Depth)


class Model(Section):
    """The base network and where its exits branch off."""

    depth: Depth
    """6n + 2 layers in 3n residual blocks (He et al. 2016)."""
    exits: list[int] = Field(min_length=1)
    """Residual blocks, counted from 1, after which an exit branches off; the classifier is always the last exit."""
    pool: int | None = Field(ge=1)
    """Side of the grid an exit averages its feature map to, never beyond the map's own; `none` or null: not pooled."""

    @field_validator("pool", mode="before")
    @classmethod
    def _none_is_a_word(cls, value: Any) -> Any:
        return None if value == "none" else value  # null in params.yaml would let the preset's pool through

    @model_validator(mode="after")
    def _blocks_exist(self) -> Self:
        last = (self.depth - 2) // 2
        wrong = [block for block in self.exits if not 1 <= block < last]
        if wrong or sorted(set(self.exits)) != self.exits:
            raise ValueError(
                f"an early exit follows a block from 1 to {last - 1}, each once and in order "
                f"(ResNet-{self.depth} has {last} blocks, the classifier follows the last)"
            )
        return self
