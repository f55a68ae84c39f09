"""K starts: of K random masks over the same weights, tried in turn for an epoch, the fittest stays.

When: initialization. Goes: weights only. Form: in the spirit of it.
Source: What to Prune and What Not to Prune at Initialization, 2022, arXiv:2209.02201.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from exitprune.config.training import Training
from exitprune.networks.early_exit import EarlyExitNetwork, group_of
from exitprune.networks.masks import Masks, weights
from exitprune.pruning.criteria import Context, Criterion

Layers = dict[str, Tensor]


class KStarts(Criterion):
    """Step t trains under mask t mod K alone; what a mask hides keeps its value for the next. Scores are those of the fittest."""

    starts: int = Field(4, ge=1, le=99)
    """K."""
    fitness: Literal["both", "weight", "gradient"] = "both"
    """Mean |w| of what a mask keeps, mean |g| there over its steps, or the sum of both, each in its deviations over the masks."""
    exits: Literal["dense", "pruned"] = "dense"
    """dense: weights of exits go last, where others are pruned with them."""
    epochs: int | float = Field(1, gt=0)
    """Of the training in which the masks take turns."""
    trains_first: ClassVar[bool] = True
    _scores: list[Layers] = PrivateAttr(default_factory=list)
    _masks: list[Masks] = PrivateAttr(default_factory=list)
    _sums: list[Layers] = PrivateAttr(default_factory=list)
    _hidden: Layers = PrivateAttr(default_factory=dict)
    _steps: int = 0

    def first(self, finetune: Training) -> Training:
        return finetune.model_copy(update={"epochs": self.epochs})

    def start(self, context: Context) -> None:
        spared = {name for name in context.names if self.exits == "dense" and group_of(name) == "exits"}
        spared = set() if spared == set(context.names) else spared
        self._steps, self._scores = 0, []
        for _ in range(self.starts):
            drawn = {
                name: torch.rand(weight.shape, generator=context.generator) for name, weight in context.weights.items()
            }
            self._scores.append(
                {name: (score + (name in spared)).to(context.weights[name].device) for name, score in drawn.items()}
            )
        self._masks = [context.plan(scores) for scores in self._scores]
        self._sums = [{name: torch.zeros_like(weight) for name, weight in context.weights.items()} for _ in self._masks]

    @torch.no_grad()
    def before_forward(self, network: EarlyExitNetwork) -> None:
        by_name, masks = weights(network), self._masks[self._steps % self.starts]
        self._hidden = {name: by_name[name].clone() for name in self._sums[0]}
        for name in self._hidden:
            by_name[name].mul_(masks[name])

    @torch.no_grad()
    def after_backward(self, network: EarlyExitNetwork) -> None:
        by_name, turn = weights(network), self._steps % self.starts
        for name, total in self._sums[turn].items():
            if (gradient := by_name[name].grad) is not None:
                gradient.mul_(self._masks[turn][name])
                total += gradient.abs()

    @torch.no_grad()
    def after_step(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        by_name, mine = weights(network), self._masks[self._steps % self.starts]
        for name, whole in self._hidden.items():
            by_name[name].copy_(torch.where(mine[name], by_name[name], whole))
        self._steps += 1

    def score(self, context: Context) -> Layers:
        sizes = [{name: weight.detach().abs() for name, weight in context.weights.items()}] * self.starts
        turns = torch.tensor([len(range(turn, self._steps, self.starts)) for turn in range(self.starts)])
        fitness = {"weight": self._means(sizes), "gradient": self._means(self._sums) / turns.clamp_min(1)}
        fitness["both"] = sum((standardised(values) for values in fitness.values()), torch.zeros(self.starts))
        return dict(self._scores[int(fitness[self.fitness].argmax())])

    def choose(self, context: Context, scores: Mapping[str, Tensor]) -> Masks:
        self._sums, self._masks, self._hidden = [], [], {}
        return super().choose(context, scores)

    def _means(self, values: list[Layers]) -> Tensor:
        """(K,) means over what each mask keeps."""
        kept = [
            torch.cat([one[name][masks[name]] for name in one]) for one, masks in zip(values, self._masks, strict=True)
        ]
        return torch.stack([part.double().mean() for part in kept]).nan_to_num().cpu()

    def state_dict(self) -> Layers:
        sums = {f"{turn}:{name}": value for turn, one in enumerate(self._sums) for name, value in one.items()}
        return {"steps": torch.tensor(self._steps), **sums} if sums else {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._steps = int(state.get("steps", torch.tensor(0)))
        for turn, one in enumerate(self._sums):
            self._sums[turn] = {name: state[f"{turn}:{name}"] for name in one}


def standardised(values: Tensor) -> Tensor:
    """In deviations from the mean; all 0 where all are alike."""
    return (values - values.mean()) / values.std(correction=0).clamp_min(1e-30)
