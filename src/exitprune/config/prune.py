"""Parameters of pruning: what the rounds of a recipe depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from exitprune.config.about import about, disagreement
from exitprune.config.choice import Choice, made, of, whole
from exitprune.config.families import FAMILIES
from exitprune.config.section import Section
from exitprune.config.training import ExitRounds, Heads, Training


class ExitHeads(Heads):
    """Training of the exit heads, and when it is their turn."""

    when: Literal["before", "after"]
    """before: heads are trained before anything is pruned. after: once the base network is pruned, heads are added as they are
    drawn, and trained in their own rounds: the paper's second approach."""


def _moment(value: Any) -> Any:
    is_epoch = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if value not in ("none", "initial") and not is_epoch:
        raise ValueError("allowed: none, initial, or the number of an epoch of base training")
    return value


class Shared(Section):
    """What a study sets for all its recipes, and each recipe may set for itself."""

    heads: ExitHeads
    sparsity: float = Field(ge=0, lt=1)
    """Share of the group's units (see `granularity`) that are gone after the last round."""
    rounds: int = Field(ge=1, le=999)
    schedule: Annotated[Choice, of("schedules")]
    criterion: Annotated[Choice, of("criteria")]
    scope: Annotated[Choice, of("scopes")]
    granularity: Annotated[Choice, of("granularities")]
    """What goes as one: a weight, a filter, or a block."""
    start: Annotated[Choice, of("starts")]
    """From which network on."""
    rewind: Annotated[str | int, BeforeValidator(_moment)]
    """What weights that stay go back to in each round before it trains: nothing, those drawn, or those after this epoch of
    base training (heads then: those drawn)."""
    classifier: Literal["base", "exits"]
    """The group that the base network's own classifier belongs to."""
    finetune: Training
    """In each round."""
    finetune_exits: ExitRounds
    """In rounds that train the exits alone; what is not set is that of `finetune`."""

    @model_validator(mode="before")
    @classmethod
    def _exits_as_all(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values  # refused by what follows
        shared, own = values.get("finetune"), values.get("finetune_exits") or {}
        if isinstance(shared, BaseModel):
            shared = shared.model_dump()
        if not isinstance(shared, Mapping) or not isinstance(own, Mapping):
            return values
        given = {name: value for name, value in own.items() if value is not None}
        return {**values, "finetune_exits": {**shared, **given}}

    ending: Annotated[Choice, of("endings")]
    """When that training ends, and which of its networks stays."""


class Prune(Shared):
    """What the rounds take away, and how the network is trained after each."""

    order: Annotated[Choice, of("orders")]
    """In which order the groups are pruned."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        chosen = {name: choice for name in FAMILIES if isinstance(choice := getattr(self, name, None), Choice)}
        if reason := disagreement((name, FAMILIES[name], choice.name) for name, choice in chosen.items()):
            raise ValueError(reason)
        if self.rewind != "none" and (reason := _not_to_rewind(chosen)):
            raise ValueError(f"{reason}, and rewind: {self.rewind} takes weights back; give rewind: none")
        for name in ("order", "schedule", "start"):  # those of the others import what computes: see `pruning.possible`
            if reason := made(FAMILIES[name], chosen[name]).why_not(self):
                raise ValueError(f"{name}: {reason}")
        rounds = made("orders", self.order).rounds(self.rounds)
        begins_early = made("starts", self.start).watches
        if self.heads.when == "after" and any(round_.prune == "all" for round_ in rounds):
            raise ValueError(f"heads.when: after needs an order that prunes the base network first, not {self.order}")
        if self.heads.when == "after" and begins_early:
            raise ValueError(
                f"heads.when: after needs start: trained, not {self.start}; heads are untrained there anyway"
            )
        if isinstance(self.rewind, int) and begins_early:
            raise ValueError(
                f"rewind: {self.rewind} takes weights to an epoch of the unpruned network's training, and with start: "
                f"{self.start} pruning begins within it; give rewind: none or initial, or start: trained"
            )
        if self.classifier == "exits" and begins_early:
            raise ValueError(f"classifier: exits needs start: trained, not {self.start}, since base training trains it")
        return self

    def of_round(self, train: str) -> Training:
        """How a round trains, by the group that learns in it."""
        return self.finetune_exits if train == "exits" else self.finetune

    def spelt_out(self) -> dict[str, Any]:
        """Every value, the defaults of variants too, for JSON."""
        chosen = {name: value for name in type(self).model_fields if isinstance(value := getattr(self, name), Choice)}
        return {**self.model_dump(), **{name: whole(FAMILIES[name], choice) for name, choice in chosen.items()}}


def _not_to_rewind(chosen: Mapping[str, Choice]) -> str | None:
    """Why weights may not go back to earlier values, as half a sentence; None: they may."""
    for name, choice in chosen.items():
        told = about(FAMILIES[name], choice.name)
        if told.undone_by_rewind:
            return f"{name}: all that {choice.name} does is done to weights"
        if "when" in told.conditions and told.when == ("trained",):
            return f"{name}: {choice.name} is for trained networks only"
    return None
