"""SynFlow: a weight scores what the flow loses without it, and images have no say."""

from __future__ import annotations

import copy

import pytest
import torch

from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.pruning.criteria.synflow import Synflow
from tests.as_if_trained import enliven_
from tests.conftest import Build
from tests.pruning.contexts import a_context

NAMES = ["stem", "b1.c1", "exit0", "fc"]


def flow(network: EarlyExitNetwork) -> float:
    """What comes out for an image of ones."""
    return float(network.eval()(torch.ones(1, 1, 8, 8, dtype=torch.float64)).sum())


def test_a_weight_scores_the_share_of_the_flow_that_is_lost_without_it(build: Build, images: Images) -> None:
    network = enliven_(build()).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    batch = images.normalise(images.pixels[:8]), images.labels[:8]
    scores = Synflow().score(a_context(network, NAMES, [batch]))
    positive = copy.deepcopy(network).double().requires_grad_(False)
    assert any(number.min() < 0 for number in positive.buffers())
    for number in (*positive.parameters(), *positive.buffers()):
        number.abs_()
    whole = flow(positive)
    for name in NAMES:
        weight = weights(positive)[name]
        for at in torch.randint(weight.numel(), (5,), generator=torch.Generator().manual_seed(0)).tolist():
            held, weight.view(-1)[at] = float(weight.view(-1)[at]), 0
            assert float(scores[name].view(-1)[at]) == pytest.approx((whole - flow(positive)) / whole, rel=1e-5)
            weight.view(-1)[at] = held


def test_images_and_the_size_of_the_flow_have_no_say(build: Build, images: Images) -> None:
    network = build()
    batch = images.normalise(images.pixels[:8]), images.labels[:8]
    other = torch.zeros_like(batch[0]), batch[1]
    first, second = (Synflow().score(a_context(network, NAMES, [one])) for one in (batch, other))
    assert all(torch.equal(first[name], second[name]) for name in NAMES)
    weights(network)["stem"].data *= 1e25
    weights(network)["b1.c1"].data *= 1e25
    assert all(torch.isfinite(score).all() for score in Synflow().score(a_context(network, NAMES, [batch])).values())
