"""The contract of every criterion, walked by folder: a new file is tested the day it appears."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from exitprune.config.data import Augment
from exitprune.data.images import Images, batches
from exitprune.jobs.seeding import generator
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.variants import names_of, variant

NAMES = ["stem", "b2.sc", "exit0", "fc"]

pytestmark = pytest.mark.parametrize("criterion", names_of("criteria"))


def score(criterion: str, network: EarlyExitNetwork, images: Images, seed: int = 0) -> dict[str, Tensor]:
    some = batches(images, 10, Augment(pad=0, flip=False), generator("batches"))
    scores: dict[str, Tensor] = variant("criteria", criterion).score(network, NAMES, some, generator(seed))
    return scores


def test_the_layers_named_are_scored_in_that_order(criterion: str, network: EarlyExitNetwork, images: Images) -> None:
    assert list(score(criterion, network, images)) == NAMES


def test_scores_have_the_shape_of_the_weights_and_are_finite_float32(
    criterion: str, network: EarlyExitNetwork, images: Images
) -> None:
    for name, scores in score(criterion, network, images).items():
        assert scores.shape == weights(network)[name].shape
        assert scores.dtype == torch.float32
        assert scores.isfinite().all()
        assert (scores >= 0).all()
        assert not scores.requires_grad


def test_scores_are_the_same_when_asked_again(criterion: str, network: EarlyExitNetwork, images: Images) -> None:
    first = score(criterion, network, images)
    torch.rand(7)  # what else was drawn does not matter
    again = score(criterion, network, images)
    assert all(torch.equal(first[name], again[name]) for name in NAMES)


def test_scoring_changes_nothing_in_the_network(criterion: str, network: EarlyExitNetwork, images: Images) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    score(criterion, network, images)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert network.training
    assert all(parameter.grad is None for parameter in network.parameters())


def test_scores_are_finer_than_bfloat16(criterion: str, network: EarlyExitNetwork, images: Images) -> None:
    scores = score(criterion, network, images)["exit0"]
    values = scores.flatten().tolist()
    assert len(set(scores.bfloat16().flatten().tolist())) < 0.9 * len(set(values))
