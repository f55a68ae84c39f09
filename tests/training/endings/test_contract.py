"""The contract of every ending, walked by folder."""

from __future__ import annotations

import math

import pytest
import torch

from exitprune.config.choice import make
from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks
from exitprune.training.endings import Ending
from exitprune.training.loop import train_
from exitprune.variants import names_of

STILL = Augment(pad=0, flip=False)

pytestmark = pytest.mark.parametrize("ending", names_of("endings"))


def trained(name: str, network: EarlyExitNetwork, images: Images, brief: Training) -> Ending:
    made: Ending = make("endings", name, {})
    made.begin("all", images)
    train_(network, images, "all", brief, STILL, 0, full_masks(network), callbacks=[made])
    return made


def test_every_setting_has_a_default_and_survives_json(ending: str) -> None:
    made = make("endings", ending, {})
    assert type(made).model_validate_json(made.model_dump_json()) == made


def test_what_it_remembers_is_given_back(
    ending: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    first, second = trained(ending, network, images, brief), make("endings", ending, {})
    second.begin("all", images)
    if first.state_dict():
        second.load_state_dict({name: value.clone() for name, value in first.state_dict().items()})
    before, after = first.state_dict(), second.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_looking_changes_neither_the_training_nor_the_modes(
    ending: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    train_(network, images, "all", brief, STILL, 0, full_masks(network))
    plain = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.load_state_dict(start)
    trained(ending, network, images, brief)
    assert all(torch.equal(tensor, plain[name]) for name, tensor in network.state_dict().items())
    assert network.training


def test_what_stays_stays_when_it_is_asked_again(
    ending: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    made = trained(ending, network, images, brief)
    made.finish_(network)
    again = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    made.finish_(network)
    assert all(torch.equal(tensor, again[name]) for name, tensor in network.state_dict().items())


def test_where_nothing_gets_better_it_ends_at_the_soonest(
    ending: str, network: EarlyExitNetwork, images: Images
) -> None:
    made: Ending = make("endings", ending, {})
    made.begin("all", images)
    ended = [epoch for epoch in range(1, 30) if made.after_epoch(network, epoch)]
    assert (min(ended) if ended else math.inf) == made.soonest()
