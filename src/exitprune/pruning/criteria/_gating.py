"""What methods share that learn, by gates in front of everything that could go, what will go; how many these are they decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import ClassVar

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from exitprune.config.training import Training
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.gates import Place, gated
from exitprune.networks.masks import Masks
from exitprune.pruning.criteria import Context, Criterion


class Gating(Criterion):
    """Trains with gates first. A unit that then scores below 0 goes; the schedule's share is what the gates are pressed to."""

    epochs: float | None = Field(None, ge=0)
    """Of the training with gates; not set: as many as fine-tuning has."""
    lr: float | None = Field(None, gt=0)
    """Its peak rate; not set: fine-tuning's."""
    trains_first: ClassVar[bool] = True
    looks_behind: ClassVar[bool] = True
    reaches_in: ClassVar[bool] = True
    _places: dict[str, Place] = PrivateAttr(default_factory=dict)
    _there: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _costs: dict[str, float] = PrivateAttr(default_factory=dict)
    _target: float = 1.0

    def start(self, context: Context) -> None:
        units, places = context.units, context.granularity.gates(context.network)
        self._places = {name: places[name] for name in units}
        self._there = {name: unit.float() for name, unit in units.items()}
        self._costs, self._target = context.unit_macs(), context.kept_share

    def first(self, finetune: Training) -> Training:
        own = {"epochs": self.epochs, "lr": self.lr}
        return finetune.model_copy(update={key: value for key, value in own.items() if value is not None})

    def during(self, network: EarlyExitNetwork) -> AbstractContextManager[None]:
        return gated(self._places, self.gate)

    def choose(self, context: Context, scores: Mapping[str, Tensor]) -> Masks:
        return context.without({name: unit & (scores[name] >= 0) for name, unit in context.units.items()})

    def gate(self, name: str, x: Tensor) -> Tensor:
        """What the maps of a layer's units are multiplied by: see `gates`."""
        raise NotImplementedError  # each criterion with gates says it

    def _share(self, means: Mapping[str, Tensor]) -> Tensor:
        """The share of all costs that is left, from the mean gate of each unit by layer."""
        left = [cost * (means[name] * self._there[name]).sum() for name, cost in self._costs.items()]
        whole = sum(cost * self._there[name].numel() for name, cost in self._costs.items())
        return torch.stack(left).sum() / max(whole, 1)


def straight_through(u: Tensor) -> Tensor:
    """1 where sigmoid(u) is 0.5 or more, else 0; its slope is the sigmoid's."""
    s = u.sigmoid()
    return (s >= 0.5).to(s.dtype) + (s - s.detach())


@contextmanager
def looking_at(network: EarlyExitNetwork) -> Iterator[None]:
    """Evaluation mode and no gradients; then the modes as they were."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
