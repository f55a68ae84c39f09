"""Patience: a round's training ends once it has not got better on validation images for so long, and the best network stays.

Source: Janusz et al. 2025, arXiv:2508.13836.
"""

from __future__ import annotations

from pydantic import Field

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.training.endings.best import Best


class Patience(Best):
    """Its epochs are the most that a round trains for."""

    epochs: int = Field(5, ge=1)
    """Without a better network, after which the training ends."""

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        super().after_epoch(network, epoch)
        return self._waited >= self.epochs

    def soonest(self) -> int:
        return 1 + self.epochs
