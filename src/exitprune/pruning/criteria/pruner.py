"""Pruner: a second network of the same architecture looks at a batch and says once for all images which filters go.

When: trained. Goes: filters or blocks only. Form: in the spirit of it. Scope: its own.
Source: Verma et al. 2020, arXiv:2001.05545.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor, nn
from torch.nn import Parameter

from exitprune.networks.architectures import Architecture
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria._gating import Gating, looking_at, straight_through


class Pruner(Gating):
    """o = A h + b for each layer, h what the pruner's last map is on average, b = 2 and A = 0 at first; a unit is open where the
    mean of its o over the batch is 0 or more. Loss + lambda x sum cost sigmoid(o) / sum cost, in each step in which more than the
    share of units to keep is open; lambda grows with each such step. The pruner alone learns, beginning as a copy of the network
    that it prunes.

    No distillation. The shares of layers are learned, and what they come to in all may miss the share asked for.
    """

    growth: float = Field(0.01, gt=0)
    """What lambda grows by in a step."""
    _pruner: Architecture | None = None
    _heads: list[nn.Linear] = PrivateAttr(default_factory=list)
    _outputs: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _codes: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _strength: float = 0.0

    def start(self, context: Context) -> None:
        super().start(context)
        self._pruner, self._strength = copy.deepcopy(context.network.base).requires_grad_(True).train(True), 0.0
        probe, self._heads = next(iter(context.batches))[0][:2], []
        with looking_at(context.network):
            width = averages(context.network.base, probe).shape[1]
        for place in self._places.values():
            head = nn.Linear(width, place.size, device=probe.device)
            nn.init.zeros_(head.weight)
            nn.init.constant_(head.bias, 2.0)
            self._heads.append(head)

    def parameters(self) -> Iterable[Parameter]:
        for module in (self._pruner, *self._heads):
            yield from [] if module is None else module.parameters()

    @contextmanager
    def during(self, network: EarlyExitNetwork) -> Iterator[None]:
        handle = network.register_forward_pre_hook(self._look)
        try:
            with super().during(network):
                yield
        finally:
            handle.remove()

    def gate(self, name: str, x: Tensor) -> Tensor:
        """(U,): what the batch says."""
        return self._codes[name]

    def before_forward(self, network: EarlyExitNetwork) -> None:
        """The statistics of the network that is pruned stand still."""
        network.eval()

    def penalty(self, network: EarlyExitNetwork, progress: float) -> Tensor:
        open_ = sum(int((code.detach() * self._there[name]).sum()) for name, code in self._codes.items())
        is_above = open_ > self._target * sum(there.numel() for there in self._there.values())
        self._strength += self.growth * is_above
        share = self._share({name: output.sigmoid() for name, output in self._outputs.items()})
        return self._strength * is_above * share

    def after_backward(self, network: EarlyExitNetwork) -> None:
        for parameter in network.parameters():
            parameter.grad = None

    def score(self, context: Context) -> dict[str, Tensor]:
        """The mean o over all batches."""
        assert self._pruner is not None, "no round has begun"
        totals, num = {name: torch.zeros_like(there) for name, there in self._there.items()}, 0
        self._pruner.eval()
        with torch.no_grad():
            for images, _ in context.batches:
                totals = {name: totals[name] + output for name, output in self._ask(images).items()}
                num += 1
        self._pruner.train()
        return {name: total / num for name, total in totals.items()}

    def state_dict(self) -> dict[str, Tensor]:
        buffers = {} if self._pruner is None else dict(self._pruner.named_buffers())
        return {"strength": torch.tensor(self._strength, dtype=torch.float64), **buffers}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self._strength = float(state["strength"])
        for name, buffer in self._pruner.named_buffers() if self._pruner is not None else ():
            buffer.copy_(state[name])

    def _ask(self, images: Tensor) -> dict[str, Tensor]:
        assert self._pruner is not None, "no round has begun"
        h = averages(self._pruner, images)
        with torch.autocast(images.device.type, enabled=False):  # what decides is not rounded
            return {name: head(h).mean(0) for name, head in zip(self._places, self._heads, strict=True)}

    def _look(self, network: nn.Module, arguments: tuple[Any, ...]) -> None:
        self._outputs = self._ask(arguments[0])
        self._codes = {name: straight_through(output) for name, output in self._outputs.items()}


def averages(base: Architecture, images: Tensor) -> Tensor:
    """(N, C): what the map that the classifier takes is on average."""
    found: list[Tensor] = []

    def keep(map_: Tensor) -> Tensor:
        found.append(map_)
        return map_

    base.run(images, {}, keep)
    return found[0].float().mean((2, 3))
