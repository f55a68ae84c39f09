"""The contract of every start, walked by folder."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from safetensors.torch import load, save

from exitprune.config.choice import make
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.pruning.starts import Start
from exitprune.variants import module_of, names_of
from tests.pruning.contexts import a_context

walk = pytest.mark.parametrize("start", names_of("starts"))
EPOCHS = 6


def answers(start: Start, network: EarlyExitNetwork, until: int = EPOCHS, since: int = 0) -> list[bool]:
    """What it says before the first epoch and after each, of weights that move ever less; it leaves the network as it is."""
    said, shape = [], (6, network.spec.channels, network.spec.height, network.spec.width)
    draw = torch.Generator().manual_seed(99)
    batches = [(torch.randn(shape, generator=draw), torch.arange(6) % network.spec.num_classes) for _ in range(2)]
    for epoch in range(since, until + 1):
        draw = torch.Generator().manual_seed(epoch)
        for weight in weights(network).values():
            weight.data.add_(torch.randn(weight.shape, generator=draw), alpha=0.1 / (1 + epoch) ** 2)
        network.train()  # as training leaves it
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        said.append(start.now(a_context(network, batches=batches), epoch))
        assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
        assert network.training
    return said


@walk
def test_every_setting_has_a_default_and_survives_json(start: str) -> None:
    made = make("starts", start, {})
    assert type(made).model_validate_json(made.model_dump_json()) == made


@walk
def test_what_it_says_depends_on_what_it_sees_alone(start: str, network: EarlyExitNetwork) -> None:
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    if not make("starts", start, {}).watches:
        return
    first = answers(make("starts", start, {}), network)
    network.load_state_dict(state)
    assert answers(make("starts", start, {}), network) == first


@walk
def test_killed_between_two_epochs_it_goes_on_as_before(start: str, network: EarlyExitNetwork) -> None:
    if not make("starts", start, {}).watches:
        return
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    whole = answers(make("starts", start, {}), network)
    network.load_state_dict(state)
    first: Start = make("starts", start, {})
    before = answers(first, network, until=2)
    second: Start = make("starts", start, {})
    second.load_state_dict(load(save(first.state_dict())))  # as it is written for a job that goes on
    assert before + answers(second, network, since=3) == whole


@walk
def test_it_is_checked_without_importing_what_computes(start: str) -> None:
    code = f"import sys, {module_of('starts', start)}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_epoch_is_the_one_named() -> None:
    start = make("starts", "epoch", {"number": 3})
    assert [start.now(None, epoch) for epoch in range(5)] == [False, False, False, True, True]
