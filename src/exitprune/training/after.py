"""Has a training run away, has it learnt more than guessing? Asked once an epoch and once at its end, never in a step.

What has run away is found before anything of it is saved, and the parameter that did it is named.
"""

from __future__ import annotations

import math

import torch

from exitprune.data.chance import warning_of_chance
from exitprune.data.images import Images
from exitprune.jobs.progress import RunAway
from exitprune.networks.checkpoints import fault_of_state
from exitprune.networks.early_exit import EarlyExitNetwork

NUM_IMAGES = 64
BATCH_SIZE = 256


class Watch:
    """Looks at one training from its beginning to its end.

    Args:
        network: that will be trained.
        images: that it will be trained on.
    """

    def __init__(self, network: EarlyExitNetwork, images: Images) -> None:
        self.network, self.images = network, images
        self.began_with = largest_answer(network, images)

    def after_epoch(self, epoch: int, loss: float) -> None:
        """Refuse a mean loss that is not finite.

        Raises:
            RunAway: naming it.
        """
        if not math.isfinite(loss):
            raise RunAway(f"the loss is {loss} in epoch {epoch}", self.began_with)

    def before_saving(self, epoch: int, optimiser: torch.optim.Optimizer) -> None:
        """Look at weights, batch-norm statistics and momentum.

        Raises:
            RunAway: naming what is not finite.
        """
        momentum = {f"momentum {i}": state.get("momentum_buffer") for i, state in enumerate(optimiser.state.values())}
        there = {name: tensor for name, tensor in momentum.items() if tensor is not None}
        if fault := fault_of_state({**self.network.state_dict(), **there}):
            raise RunAway(f"after epoch {epoch} {fault}", self.began_with)

    def at_end(self) -> None:
        """Look at weights, statistics and the logits of a few images.

        Logits tell of weights that are finite and so large that nothing can be computed with them.

        Raises:
            RunAway: naming what is not finite.
        """
        if fault := fault_of_state(self.network.state_dict()):
            raise RunAway(f"after the last step {fault}", self.began_with)
        if not math.isfinite(largest_answer(self.network, self.images)):
            raise RunAway("after the last step the network's answers are not finite", self.began_with)


@torch.no_grad()
def largest_answer(network: EarlyExitNetwork, images: Images) -> float:
    """The largest logit, by amount, of a few images; the network is left as it is."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    largest = float(network(images.normalise(images.pixels[:NUM_IMAGES])).abs().max())
    for module, mode in modes.items():
        module.training = mode
    return largest


@torch.no_grad()
def chance_of_(network: EarlyExitNetwork, images: Images, what: str) -> str | None:
    """`warning_of_chance` for the network's classifier; leaves the network in evaluation mode.

    Args:
        network: trained.
        images: that it was not trained on.
        what: to call it.
    """
    network.eval()
    parts = zip(torch.split(images.pixels, BATCH_SIZE), torch.split(images.labels, BATCH_SIZE), strict=True)
    right = sum(int((network(images.normalise(x), "base")[-1].argmax(-1) == y).sum()) for x, y in parts)
    return warning_of_chance(right / len(images), images.labels.cpu(), what)
