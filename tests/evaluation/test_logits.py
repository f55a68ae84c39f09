"""Inference: every image, every exit, in order, and the network as it was."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from exitprune.data.images import Images
from exitprune.evaluation.logits import infer, infer_together, share_a_base
from exitprune.networks.early_exit import EarlyExitNetwork


@torch.no_grad()
def test_logits_are_those_of_the_network_in_evaluation_mode(network: EarlyExitNetwork, images: Images) -> None:
    network.base.bn.running_mean.fill_(0.5)
    logits = infer(network.train(), images, batch_size=40)
    assert logits.shape == (3, 40, 4)
    assert logits.dtype == torch.float32
    assert torch.equal(logits, network.eval()(images.normalise(images.pixels)))


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_the_last_batch_may_be_smaller_and_no_image_is_lost(
    network: EarlyExitNetwork, images: Images, batch_size: int
) -> None:
    torch.testing.assert_close(infer(network, images, batch_size), infer(network, images, 40), rtol=1e-4, atol=1e-5)


def test_batch_norm_statistics_do_not_move(network: EarlyExitNetwork, images: Images) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    infer(network.train(), images)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_labels_are_not_looked_at(network: EarlyExitNetwork, images: Images) -> None:
    assert torch.equal(infer(network, images), infer(network, replace(images, labels=images.labels.flip(0))))


def test_networks_that_share_a_base_give_what_each_gives_alone(network: EarlyExitNetwork, images: Images) -> None:
    other = deepcopy(network)
    with torch.no_grad():
        for parameter in other.exits.parameters():
            parameter.mul_(-0.5)
    together = infer_together([network, other], images, batch_size=16)
    alone = [infer(one, images, batch_size=16) for one in (network, other)]
    assert all(torch.equal(one, two) for one, two in zip(together, alone, strict=True))
    assert not torch.equal(together[0][:-1], together[1][:-1])


def test_a_base_is_shared_if_heads_differ_and_not_if_a_statistic_does(network: EarlyExitNetwork) -> None:
    other = deepcopy(network)
    with torch.no_grad():
        next(other.exits.parameters()).add_(1)
    assert share_a_base(network, other)
    other.base.bn.running_mean[0] += 1e-3
    assert not share_a_base(network, other)


def test_networks_whose_gates_look_at_images_are_asked_one_by_one(network: EarlyExitNetwork) -> None:
    gated = deepcopy(network)
    gated.add_gates_()
    for one, other in ((gated, gated), (gated, network), (network, gated)):
        assert not share_a_base(one, other)
