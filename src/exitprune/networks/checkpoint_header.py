"""What a checkpoint's header must be, checked before any tensor is read or any network is built."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from exitprune.networks.early_exit import Spec
from exitprune.networks.groups import Group

Side = Annotated[int, Field(ge=1, le=100_000)]
Share = Annotated[float, Field(allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)


class NetworkHeader(_Strict):
    """`Spec` as JSON holds it; the architecture checks its own settings."""

    model_config = ConfigDict(extra="forbid")

    architecture: str
    settings: dict[str, Any]
    channels: int = Field(ge=1, le=1000)
    height: Side
    width: Side
    num_classes: int = Field(ge=1, le=100_000)
    exits: list[Side | Annotated[str, Field(min_length=1, max_length=1000)]] = Field(max_length=10_000)
    pool: Side | None
    classifier: Literal["base", "exits"] = "base"
    gated: bool = False

    @model_validator(mode="after")
    def _can_be_built(self) -> Self:
        _ = self.spec
        return self

    @property
    def spec(self) -> Spec:
        """What it takes to build the network."""
        return Spec.from_dict(self.model_dump())


class CheckpointHeader(_Strict):
    """What is said of every network, and of one that belongs to a study; what is not known here is passed over."""

    network: NetworkHeader
    name: Annotated[str, Field(pattern=r"^[\w.-]+$", max_length=200)] | None = None
    level: Annotated[int, Field(ge=0, le=100_000)] | None = None
    seed: Annotated[int, Field(ge=0)] | None = None
    key: str | None = None
    data: str | None = None
    recipe: str | None = None
    settings: dict[str, Any] = {}
    prune: Group | None = None
    train: Group | None = None
    classes: list[Annotated[str, Field(max_length=1000)]] | None = None
    resized: bool | None = None
    """Whether images are scaled and cropped to the size that the network takes."""
    mean: list[Share] | None = None
    std: list[Annotated[float, Field(gt=0)]] | None = None

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        network = self.network
        wanted = {"classes": network.num_classes, "mean": network.channels, "std": network.channels}
        for name, length in wanted.items():
            held = getattr(self, name)
            if held is not None and len(held) != length:
                raise ValueError(f"{name} has {len(held)} entries, the network has {length}")
        return self
