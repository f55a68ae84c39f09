"""Pruning: the steps of a chain, and from the masks of one level to those of the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from exitprune.config.choice import made
from exitprune.config.prune import Prune
from exitprune.config.training import Training
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.groups import Group
from exitprune.networks.masks import Masks, apply_masks_, num_kept, weights
from exitprune.pruning.granularities import Granularity
from exitprune.pruning.orders import Round
from exitprune.pruning.scopes import Scope


@dataclass(frozen=True)
class Step:
    """Leads from one level to the next: prune a group, if there is one, then train a group."""

    prune: Group | None
    kept_share: float
    """Of the group's units, of all it ever had."""
    train: Group
    training: Literal["finetune", "base", "heads"]
    """Which parameters say how."""


def training_of(step: Step, settings: Prune, base: Training) -> Training:
    """How a step trains; `base` is how the base network is trained."""
    return {"finetune": settings.of_round(step.train), "base": base, "heads": settings.heads}[step.training]


def rate_of(step: Step) -> str:
    """The parameter that says how fast a step trains."""
    return "finetune_exits.lr" if step.training == "finetune" and step.train == "exits" else f"{step.training}.lr"


def plan(settings: Prune) -> list[Step]:
    """All steps: the rounds and, where pruning began before the network was trained, what is left of its training.

    Base training goes on after the last round that prunes the base network, that of the heads after the last that prunes them.
    """
    rounds: list[Round] = made("orders", settings.order).rounds(settings.rounds)
    schedule = made("schedules", settings.schedule)
    num_rounds = Counter(round_.prune for round_ in rounds)
    shares = {group: iter(schedule.kept_shares(num, settings.sparsity)) for group, num in num_rounds.items()}
    steps = [Step(round_.prune, next(shares[round_.prune]), round_.train, "finetune") for round_ in rounds]
    if not made("starts", settings.start).watches:
        return steps
    heads = Step(None, 1.0, "exits" if settings.heads.train == "frozen" else "all", "heads")
    for group, rest in (("exits", heads), ("base", Step(None, 1.0, "base", "base"))):
        last = max(number for number, step in enumerate(steps) if step.prune in (group, "all"))
        steps.insert(last + 1, rest)
    return steps


@dataclass(frozen=True)
class Chooser:
    """What a recipe chooses by. No method changes a network or masks."""

    scope: Scope
    granularity: Granularity
    grows_back: bool

    @classmethod
    def of(cls, settings: Prune) -> Chooser:
        """What the settings name."""
        grows_back = type(made("criteria", settings.criterion)).grows_back
        return cls(made("scopes", settings.scope), made("granularities", settings.granularity), grows_back)

    def choose(
        self,
        network: EarlyExitNetwork,
        masks: Mapping[str, Tensor],
        group: Group,
        kept_share: float,
        scores: Mapping[str, Tensor],
    ) -> Masks:
        """The masks of all layers after a round; those of other groups are the same objects.

        Args:
            network: whose layers the masks are of.
            masks: of all layers, as the last round left them.
            group: that is pruned.
            kept_share: share of the group's units to keep, of all it ever had.
            scores: of the group's layers.
        """
        there = {name: masks[name] for name in network.named_layers(group)}
        if self.grows_back:
            there = {name: torch.ones_like(mask) for name, mask in there.items()}
        units = self.granularity.unit_masks(network, there)
        if not units:
            return dict(masks)
        num = num_to_go(units, kept_share)
        chosen = self.scope.choose(self.granularity.unit_scores(network, scores, there), units, num)
        return {**masks, **self.granularity.weight_masks(network, there, chosen)}

    def has_units(self, network: EarlyExitNetwork, group: Group) -> bool:
        """Whether there is anything in the group that could go."""
        layers = network.named_layers(group)
        full = {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in weights(network).items()}
        return bool(self.granularity.unit_masks(network, {name: full[name] for name in layers}))


def num_to_go(units: Mapping[str, Tensor], kept_share: float) -> int:
    """How many of the units that are there must go for the share to be kept of all there ever were."""
    total, kept = sum(unit.numel() for unit in units.values()), num_kept(units)
    return max(0, kept - round(kept_share * total))


@torch.no_grad()
def apply_(
    network: EarlyExitNetwork,
    before: Mapping[str, Tensor],
    after: Mapping[str, Tensor],
    dense: Callable[[], Mapping[str, Tensor]],
) -> None:
    """Set weights that went to zero; those that came back get their dense value."""
    for name, weight in weights(network).items():
        back = after[name] & ~before[name]
        if back.any():
            weight.copy_(torch.where(back, dense()[name], weight))
    apply_masks_(network, after)


@torch.no_grad()
def rewind_(network: EarlyExitNetwork, to: Mapping[str, Tensor], group: Group) -> None:
    """Give a group the parameters and buffers of an earlier network, by their names in its state."""
    mine = {id(tensor) for part in network.parts(group) for tensor in (*part.parameters(), *part.buffers())}
    for name, tensor in network.state_dict(keep_vars=True).items():
        if id(tensor) in mine:
            tensor.copy_(to[name])
