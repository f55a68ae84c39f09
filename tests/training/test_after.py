"""What looks at a training finds what is not finite, wherever it is, and names it."""

from __future__ import annotations

import pytest
import torch

from exitprune.data.images import Images
from exitprune.jobs.progress import RunAway
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.training.after import Watch


@pytest.fixture
def watch(network: EarlyExitNetwork, images: Images) -> Watch:
    return Watch(network, images)


@pytest.fixture
def optimiser(network: EarlyExitNetwork) -> torch.optim.Optimizer:
    """One that has stepped, so that there is momentum."""
    made = torch.optim.SGD(network.parameters(), lr=0.0, momentum=0.9)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    made.step()
    return made


def test_what_is_finite_passes(watch: Watch, optimiser: torch.optim.Optimizer) -> None:
    watch.after_epoch(1, 0.5)
    watch.before_saving(1, optimiser)
    watch.at_end()


def test_a_loss_that_is_no_number_is_refused(watch: Watch) -> None:
    with pytest.raises(RunAway, match="the loss is nan in epoch 3"):
        watch.after_epoch(3, float("nan"))


def test_weights_that_are_no_numbers_are_refused_before_they_are_saved_and_at_the_end(
    watch: Watch, optimiser: torch.optim.Optimizer, network: EarlyExitNetwork
) -> None:
    with torch.no_grad():
        network.get_parameter("base.fc.weight").view(-1)[0] = float("nan")
    with pytest.raises(RunAway, match=r"after epoch 2 .*fc"):
        watch.before_saving(2, optimiser)
    with pytest.raises(RunAway, match=r"after the last step .*fc"):
        watch.at_end()


def test_momentum_that_is_no_number_is_refused_before_it_is_saved(
    watch: Watch, optimiser: torch.optim.Optimizer, network: EarlyExitNetwork
) -> None:
    next(iter(optimiser.state.values()))["momentum_buffer"].view(-1)[0] = float("inf")
    with pytest.raises(RunAway, match=r"after epoch 2 .*momentum 0"):
        watch.before_saving(2, optimiser)
    watch.at_end()
