"""A long training goes on from its last finished epoch, and ends with the same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.lr_scheduler import LRScheduler

from exitprune.jobs.levels import is_made_from
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.storage import read_tensors, write_tensors


@dataclass(frozen=True)
class Resumption:
    """The state of a long training after its last finished epoch, in a file: going on from it gives the same bytes.

    Attributes:
        path: of the file.
        key: what the training is made from; a file with another key is not used.
    """

    path: Path
    key: str

    def keep(self, epoch: int, network: EarlyExitNetwork, optimiser: torch.optim.SGD, scheduler: LRScheduler) -> None:
        """Write weights, buffers, momentum and the learning rate's state."""
        states = {i: optimiser.state[parameter] for i, parameter in enumerate(_parameters(optimiser))}
        momentum = {f"momentum:{i}": state["momentum_buffer"] for i, state in states.items() if state}
        header = {"key": self.key, "epoch": epoch, "scheduler": scheduler.state_dict()}
        write_tensors(self.path, {**network.state_dict(), **momentum}, header)

    def restore_(self, network: EarlyExitNetwork, optimiser: torch.optim.SGD, scheduler: LRScheduler) -> int:
        """Load what `keep` wrote, if it is ours; the number of epochs already done."""
        if not is_made_from(self.path, self.key):
            return 0
        tensors, header = read_tensors(self.path)
        for i, parameter in enumerate(_parameters(optimiser)):
            if f"momentum:{i}" in tensors:
                buffer = torch.empty_like(parameter).copy_(tensors.pop(f"momentum:{i}"))
                optimiser.state[parameter]["momentum_buffer"] = buffer
        network.load_state_dict(tensors)
        scheduler.load_state_dict(header["scheduler"])
        for group, lr in zip(optimiser.param_groups, scheduler.get_last_lr(), strict=True):
            group["lr"] = lr
        epoch: int = header["epoch"]
        return epoch

    def forget(self) -> None:
        """Remove the file: the training is over."""
        self.path.unlink(missing_ok=True)


def _parameters(optimiser: torch.optim.SGD) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]
