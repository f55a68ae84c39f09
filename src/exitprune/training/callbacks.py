"""What may be done at each point of a training. Every method of `Callback` does nothing; a callback says what it does.

What a callback remembers from one step to the next belongs in `state_dict`: a training that goes on after a kill gets it
back, and ends with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import Parameter

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights


class Callback:
    """Somebody who has a say while a network trains."""

    reaches_in: ClassVar[bool] = False
    """Whether it has a part in the forward pass, so that the pass cannot be compiled."""

    def parameters(self) -> Iterable[Parameter]:
        """What learns along with the network, by the same optimiser."""
        return ()

    def during(self, network: EarlyExitNetwork) -> AbstractContextManager[None]:
        """What holds from the first step to the last, and not a moment longer: gates, say."""
        return nullcontext()

    def before_forward(self, network: EarlyExitNetwork) -> None:
        """A step begins; weights may be changed for it, and changed back in `after_step`."""

    def after_forward(self, network: EarlyExitNetwork, logits: Tensor, labels: Tensor) -> None:
        """Logits are there, (E, N, K), and their labels, (N,); the loss is not."""

    def penalty(self, network: EarlyExitNetwork, progress: float) -> Tensor | None:
        """What is added to the loss, a tensor of no dimension; `progress` goes from 1 / steps to 1 over the training."""
        return None

    def after_backward(self, network: EarlyExitNetwork) -> None:
        """Gradients are there; the optimiser has not made its step."""

    def after_step(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        """The optimiser has made its step; the masks are those of the training."""

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        """An epoch, counted from 1, has ended. True stops the training."""
        return False

    def state_dict(self) -> dict[str, Tensor]:
        """What is remembered."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Remember what `state_dict` gave."""


class KeepMasks(Callback):
    """Masked weights of one training stay exactly zero, whatever momentum and weight decay do."""

    def __init__(self) -> None:
        self._found: tuple[list[Tensor], list[Tensor]] | None = None

    @torch.no_grad()
    def after_step(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        """Set them to zero again."""
        if self._found is None:  # looking for them takes longer than setting them to zero
            by_name = weights(network)
            self._found = list(by_name.values()), [masks[name].to(weight) for name, weight in by_name.items()]
        torch._foreach_mul_(*self._found)
