"""Polarization: gates see each image and open or close units, and a penalty makes all images agree; what is closed then goes.

Goes: filters or blocks only. Form: in the spirit of it. Scope: its own.
Source: Zhi et al. 2023, arXiv:2302.10798.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor, nn
from torch.nn import Parameter

from exitprune.jobs.seeding import seeded
from exitprune.networks.cost import layer_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria._gating import Gating, looking_at, straight_through


class Polarization(Gating):
    """Loss + activity x R_act + agreement x progress x R_pol. With v the mean of a gate over a batch:

    - R_act = |sum cost v / sum cost - share of units to keep|, the cost of a unit in MACs, as far as images get there;
    - R_pol = mean v (1 - v): 0 only where all images agree.

    A gate is 1 where sigmoid(FC2 ReLU(FC1 GAP(input))) >= 0.5, else 0, with the slope of the sigmoid.
    """

    activity: float = Field(1.0, ge=0)
    """Weight of R_act."""
    agreement: float = Field(1.0, ge=0)
    """Weight of R_pol at the end; it grows from 0."""
    hidden: int = Field(16, ge=1)
    """Width of FC1."""
    confidence: float = Field(0.9, ge=0, le=1)
    """An image has got no further than the first exit this confident, where costs are weighted; 1: all get everywhere."""
    _gates: dict[str, nn.Sequential] = PrivateAttr(default_factory=dict)
    _said: dict[str, Tensor] = PrivateAttr(default_factory=dict)

    def start(self, context: Context) -> None:
        super().start(context)
        self._gates = {}
        device = next(context.network.parameters()).device
        with seeded("gates", context.generator.initial_seed()):
            for name, place in self._places.items():
                last = nn.Linear(self.hidden, place.size)
                nn.init.ones_(last.bias)  # open at first
                self._gates[name] = nn.Sequential(nn.Linear(place.channels, self.hidden), nn.ReLU(), last).to(device)
        reach, layers = arrivals(context, self.confidence), layer_costs(context.network, context.masks)
        self._costs = {
            layer.name: self._costs[layer.name] * reach[layer.exit] for layer in layers if layer.name in self._costs
        }

    def parameters(self) -> Iterable[Parameter]:
        for gate in self._gates.values():
            yield from gate.parameters()

    def gate(self, name: str, x: Tensor) -> Tensor:
        """(N, U): what each image says of each unit."""
        self._said[name] = straight_through(self._gates[name](x.float().mean((2, 3)))) * self._there[name]
        return self._said[name]

    def penalty(self, network: EarlyExitNetwork, progress: float) -> Tensor:
        means = {name: said.mean(0) for name, said in self._said.items()}
        off_target = (self._share(means) - self._target).abs()
        return self.activity * off_target + self.agreement * progress * disagreement(list(means.values()))

    def score(self, context: Context) -> dict[str, Tensor]:
        """v - 0.5 over all batches."""
        totals, num = {name: torch.zeros_like(unit) for name, unit in self._there.items()}, 0
        with looking_at(context.network), self.during(context.network):
            for images, _ in context.batches:
                context.network(images)
                totals = {name: total + self._said[name].sum(0) for name, total in totals.items()}
                num += len(images)
        return {name: total / num - 0.5 for name, total in totals.items()}


def disagreement(means: list[Tensor]) -> Tensor:
    """R_pol: the mean of v (1 - v) over all units, from their mean gates v by layer."""
    v = torch.cat(means)
    return (v * (1 - v)).mean()


def arrivals(context: Context, confidence: float) -> list[float]:
    """By exit, the share of the images for which no exit before is as confident."""
    left = torch.zeros(context.network.num_exits)
    num = 0
    with looking_at(context.network):
        for images, _ in context.batches:
            sure = context.network(images).softmax(-1).amax(-1).cpu() > confidence  # (exits, images)
            left[1:] += sure.cummax(0).values[:-1].sum(1)
            num += len(images)
    return (1 - left / max(1, num)).tolist()
