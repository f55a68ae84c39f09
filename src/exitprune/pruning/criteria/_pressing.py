"""What GReg-1 and GReg-2 share: a penalty that grows every few steps, and gradients that it is added to.

Source: Wang et al. 2021, arXiv:2012.09243, and the authors' code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from exitprune.config.training import Training
from exitprune.jobs.progress import LOG
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, weights
from exitprune.pruning.criteria import Context, Criterion
from exitprune.pruning.criteria._sparing import sparing


class Pressing(Criterion):
    """A gradient of lambda w beside that of weight decay. What goes in the end are the units that were chosen, no others, and
    never all of a layer.

    The training ends with the first epoch in which lambda has stood still for `settle` steps, or with `epochs`.
    """

    delta: float = Field(1e-4, gt=0)
    """By how much lambda grows for what goes."""
    every: int = Field(10, ge=1)
    """Steps from one growth to the next; the first is before the first step."""
    ceiling: float = Field(1.0, gt=0)
    """Where lambda stops growing."""
    settle: int = Field(10_000, ge=0)
    """Steps at the last lambda; the source: 10,000 on CIFAR, 2,000 where there is less time."""
    lr: float = Field(1e-3, gt=0)
    """The constant rate of this training."""
    epochs: float | None = Field(None, ge=0)
    """At most so many; not set: as many as fine-tuning has."""
    trains_first: ClassVar[bool] = True
    _chosen: Callable[[Mapping[str, Tensor]], Masks]
    _masks: Masks = PrivateAttr(default_factory=dict)
    _units: Masks = PrivateAttr(default_factory=dict)
    """Weights that could go at all."""
    _scores: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _goes: Masks = PrivateAttr(default_factory=dict)
    _pressure: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _updates: int = 0
    _steps: int = 0
    _still: int = -1

    def start(self, context: Context) -> None:
        self._chosen = partial(sparing, context)
        self._masks = {name: context.masks[name] for name in context.names}
        self._updates, self._steps, self._still = 0, 0, -1
        self._scores, self._goes = {}, {}
        kept = context.plan({name: mask.float() for name, mask in self._masks.items()}, 0.0)
        self._units = {name: mask & ~kept[name] for name, mask in self._masks.items()}

    def first(self, finetune: Training) -> Training:
        epochs = finetune.epochs if self.epochs is None else self.epochs
        return finetune.model_copy(update={"epochs": epochs, "lr": self.lr, "lr_scheduler": "constant"})

    def after_backward(self, network: EarlyExitNetwork) -> None:
        by_name = weights(network)
        if self._still < 0 and self._steps % self.every == 0:
            self._updates += 1
            if self._grow({name: by_name[name].detach() for name in self._masks}):
                self._still = 0
        elif self._still >= 0:
            self._still += 1
        for name, pressure in self._pressure.items():
            if (gradient := by_name[name].grad) is not None:
                gradient.addcmul_(pressure, by_name[name].detach())
        self._steps += 1

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        return self._still >= self.settle

    def score(self, context: Context) -> dict[str, Tensor]:
        """|w| as it was when what goes was chosen."""
        if self._steps and self._still < 0:  # a start may ask before any step
            LOG.warning("the penalty still grew after %d steps: give more epochs, or a larger delta", self._steps)
        chosen = self._scores or _sizes(context.weights)
        return {name: score.clone() for name, score in chosen.items()}

    def choose(self, context: Context, scores: Mapping[str, Tensor]) -> Masks:
        return sparing(context, scores)

    def state_dict(self) -> dict[str, Tensor]:
        counts = {"counts": torch.tensor([self._updates, self._steps, self._still])}
        scores = {f"score:{name}": score for name, score in self._scores.items()}
        return {**counts, **scores, **{f"pressure:{name}": value for name, value in self._pressure.items()}}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._updates, self._steps, self._still = (int(count) for count in state["counts"])
        self._scores, self._pressure = (
            {name.removeprefix(kind): value for name, value in state.items() if name.startswith(kind)}
            for kind in ("score:", "pressure:")
        )
        self._goes = {}

    def _grow(self, by_name: Mapping[str, Tensor]) -> bool:
        """Set the pressure anew for the update that is due, counted from 1; whether it was the last."""
        raise NotImplementedError  # each criterion that presses says it

    def _choose(self, by_name: Mapping[str, Tensor]) -> None:
        """The units whose weights are smallest now are those that will go."""
        self._scores, self._goes = _sizes(by_name), {}

    def _going(self) -> Masks:
        """Weights that are chosen to go."""
        if not self._goes:
            kept = self._chosen(self._scores)
            self._goes = {name: mask & ~kept[name] for name, mask in self._masks.items()}
        return self._goes


def _sizes(by_name: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.detach().float().abs() for name, weight in by_name.items()}
