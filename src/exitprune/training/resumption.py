"""A long training goes on from its last finished epoch, and ends with the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.origin.levels import is_made_from
from exitprune.storage import read_tensors, write_tensors
from exitprune.training.callbacks import Callback


@dataclass(frozen=True)
class Resumption:
    """The state of a long training after its last finished epoch, in a file: going on from it gives the same bytes.

    Attributes:
        path: of the file.
        key: what the training is made from; a file with another key is not used.
    """

    path: Path
    key: str

    def keep(
        self,
        epoch: int,
        network: EarlyExitNetwork,
        optimiser: torch.optim.SGD,
        scheduler: LRScheduler,
        callbacks: Sequence[Callback] = (),
        is_stopped: bool = False,
    ) -> None:
        """Write weights, buffers, momentum, the learning rate's state and what callbacks remember."""
        states = {i: optimiser.state[parameter] for i, parameter in enumerate(_parameters(optimiser))}
        momentum = {f"momentum:{i}": state["momentum_buffer"] for i, state in states.items() if state}
        header = {"key": self.key, "epoch": epoch, "scheduler": scheduler.state_dict(), "stopped": is_stopped}
        write_tensors(self.path, {**network.state_dict(), **momentum, **_remembered(callbacks)}, header)

    def restore_(
        self,
        network: EarlyExitNetwork | None,
        optimiser: torch.optim.SGD,
        scheduler: LRScheduler,
        callbacks: Sequence[Callback] = (),
    ) -> tuple[int, bool]:
        """Load what `keep` wrote, if it is ours; how many epochs are done, and whether a callback stopped after them.

        Args:
            network: gets the weights and buffers; None: nobody does.
            optimiser, scheduler, callbacks: get their state.
        """
        if not is_made_from(self.path, self.key):
            return 0, False
        tensors, header = read_tensors(self.path)
        device = _parameters(optimiser)[0].device
        for i, parameter in enumerate(_parameters(optimiser)):
            if f"momentum:{i}" in tensors:
                buffer = torch.empty_like(parameter).copy_(tensors.pop(f"momentum:{i}"))
                optimiser.state[parameter]["momentum_buffer"] = buffer
        for i, callback in enumerate(callbacks):
            for number, parameter in enumerate(callback.parameters()):
                parameter.data.copy_(tensors.pop(_learnt(i, number)))
            state = {name: tensors.pop(name).to(device) for name in list(tensors) if name.startswith(_state(i, ""))}
            callback.load_state_dict({name.removeprefix(_state(i, "")): value for name, value in state.items()})
        if network is not None:
            network.load_state_dict({name: tensors[name] for name in network.state_dict()})
        scheduler.load_state_dict(header["scheduler"])
        for group, lr in zip(optimiser.param_groups, scheduler.get_last_lr(), strict=True):
            group["lr"] = lr
        return header["epoch"], header["stopped"]

    def forget(self) -> None:
        """Remove the file: the training is over."""
        self.path.unlink(missing_ok=True)


def _parameters(optimiser: torch.optim.SGD) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def _remembered(callbacks: Sequence[Callback]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for i, callback in enumerate(callbacks):
        tensors |= {_state(i, name): value for name, value in callback.state_dict().items()}
        tensors |= {_learnt(i, number): parameter for number, parameter in enumerate(callback.parameters())}
    return tensors


def _state(callback: int, name: str) -> str:
    return f"callback:{callback}:state:{name}"


def _learnt(callback: int, number: int) -> str:
    return f"callback:{callback}:parameter:{number}"
