"""Inference: every image, every exit, in order, and the network as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from exitprune.early_exit import EarlyExitNetwork
from exitprune.inference import infer
from exitprune.training import Images


@torch.no_grad()
def test_logits_are_those_of_the_network_in_evaluation_mode(network: EarlyExitNetwork, images: Images) -> None:
    network.base.bn.running_mean.fill_(0.5)  # type: ignore[union-attr]
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


def test_bfloat16_gives_float32_logits_close_to_those_of_float32(network: EarlyExitNetwork, images: Images) -> None:
    exact, rough = infer(network, images), infer(network, images, precision=torch.bfloat16)
    assert rough.dtype == torch.float32
    assert not torch.equal(exact, rough)
    torch.testing.assert_close(exact, rough, rtol=0.1, atol=0.1)
