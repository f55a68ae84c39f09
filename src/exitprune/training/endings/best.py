"""Best: a round trains for all its epochs, and the network stays that was best on validation images.

Source: Janusz et al. 2025, arXiv:2508.13836.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import PrivateAttr
from torch import Tensor

from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.groups import Group
from exitprune.training.endings import Ending

BATCH_SIZE = 256


class Best(Ending):
    """Best by the mean accuracy of the exits that the group has, after each epoch; of several, the first."""

    _group: Group = "all"
    _validation: Images | None = None
    _best: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _accuracy: float = -1.0
    _waited: int = 0
    """Epochs since it was that good."""

    def begin(self, group: Group, validation: Images) -> None:
        self._group, self._validation = group, validation

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        assert self._validation is not None, "it has not begun"
        accuracy, self._waited = accuracy_of(network, self._validation, self._group), self._waited + 1
        if accuracy > self._accuracy:
            self._accuracy, self._waited = accuracy, 0
            self._best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        return False

    def finish_(self, network: EarlyExitNetwork) -> None:
        if self._best:
            network.load_state_dict(self._best)

    def state_dict(self) -> dict[str, Tensor]:
        told = torch.tensor([self._accuracy, self._waited], dtype=torch.float64)
        return {"accuracy and epochs since": told, **{f"best:{name}": tensor for name, tensor in self._best.items()}}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        accuracy, waited = state["accuracy and epochs since"].tolist()
        self._accuracy, self._waited = accuracy, int(waited)
        self._best = {name.removeprefix("best:"): tensor for name, tensor in state.items() if name.startswith("best:")}


@torch.no_grad()
def accuracy_of(network: EarlyExitNetwork, images: Images, group: Group) -> float:
    """Mean over the exits that the group has of the share of images that they get right; the network is left as it is.

    Args:
        network: that trains.
        images: to look at.
        group: that learns.
    """
    modes = {module: module.training for module in network.modules()}
    network.eval()
    right, num = 0, 0
    for pixels, labels in zip(
        torch.split(images.pixels, BATCH_SIZE), torch.split(images.labels, BATCH_SIZE), strict=True
    ):
        answers = network(images.normalise(pixels), group).argmax(-1) == labels
        right, num = right + int(answers.sum()), num + answers.numel()
    for module, mode in modes.items():
        module.training = mode
    return right / num
