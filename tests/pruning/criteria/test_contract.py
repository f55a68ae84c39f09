"""The contract of every criterion, walked by folder: a new file is tested the day it appears."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from exitprune.config.about import about
from exitprune.config.choice import make
from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Epoch, Images
from exitprune.jobs.seeding import generator
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks, weights
from exitprune.pruning.criteria import Criterion
from exitprune.training.loop import train_
from exitprune.variants import names_of
from tests.pruning.contexts import a_context, goes_by

NAMES = ["stem", "b1.c1", "b1.c2", "b2.c1", "b2.c2", "b2.sc", "b3.c1", "b3.c2", "exit0", "fc"]
STILL = Augment(pad=0, flip=False)

pytestmark = pytest.mark.parametrize("criterion", names_of("criteria"))


def score(name: str, network: EarlyExitNetwork, images: Images, brief: Training, seed: int = 0) -> dict[str, Tensor]:
    """Of a round: what trains first does, for a network that is there only to be trained."""
    criterion: Criterion = make("criteria", name, {})
    context = a_context(
        network, NAMES, Epoch(images, 10, STILL, ("batches",)), generator(seed), granularity=goes_by(name)
    )
    criterion.start(context)
    if criterion.trains_first:
        train_(network, images, "all", brief, STILL, 0, full_masks(network), callbacks=[criterion])
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    network.zero_grad()
    scores = criterion.score(context)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items()), "scoring changes it"
    assert [module.training for module in network.modules()] == modes
    assert all(parameter.grad is None for parameter in network.parameters())
    return scores


def units_of(criterion: str, network: EarlyExitNetwork) -> list[str]:
    """The layers that have units of what the criterion scores."""
    return list(a_context(network, NAMES, granularity=goes_by(criterion)).units)


def test_every_setting_has_a_default_and_survives_json(criterion: str) -> None:
    made = make("criteria", criterion, {})
    assert type(made).model_validate_json(made.model_dump_json()) == made


def test_the_layers_named_are_scored_in_that_order(
    criterion: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    assert list(score(criterion, network, images, brief)) in (NAMES, units_of(criterion, network))


def test_scores_have_the_shape_of_the_weights_and_are_finite_float32(
    criterion: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    for name, scores in score(criterion, network, images, brief).items():
        shape = weights(network)[name].shape
        assert scores.shape in (shape, shape[:1]) if goes_by(criterion) != "weight" else scores.shape == shape
        assert scores.dtype == torch.float32
        assert scores.isfinite().all()
        assert not scores.requires_grad


def test_scores_are_the_same_when_asked_again(
    criterion: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    copied = copy.deepcopy(network)
    first = score(criterion, network, images, brief)
    torch.rand(7)  # what else was drawn does not matter
    again = score(criterion, copied, images, brief)
    assert all(torch.equal(first[name], again[name]) for name in first)


def test_it_asks_the_scope_unless_it_says_that_it_decides_by_itself(
    criterion: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    asked: list[float | None] = []
    epoch = Epoch(images, 10, STILL, ("batches",))
    context = a_context(network, None, epoch, generator(0), granularity=goes_by(criterion))

    def plan(scores: dict[str, Tensor], share: float | None = None) -> dict[str, Tensor]:
        asked.append(share)
        return dict(context.plan(scores, share))

    made: Criterion = make("criteria", criterion, {})
    made.start(context)
    if made.trains_first:
        train_(network, images, "all", brief, STILL, 0, full_masks(network), callbacks=[made])
    made.choose(replace(context, plan=plan), made.score(context))
    assert bool(asked) != about("criteria", criterion).own_scope


def test_scores_are_finer_than_bfloat16(
    criterion: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    if type(make("criteria", criterion, {})).choose is not Criterion.choose:
        return  # it decides by itself, and may count images
    scores = torch.cat([one.flatten() for one in score(criterion, network, images, brief).values()])
    assert (scores.bfloat16().float() != scores).float().mean() > 0.5


def test_what_it_remembers_is_given_back(
    criterion: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    first: Criterion = make("criteria", criterion, {})
    context = a_context(
        network, NAMES, Epoch(images, 10, STILL, ("batches",)), generator(0), granularity=goes_by(criterion)
    )
    first.start(context)
    if first.trains_first:
        train_(network, images, "all", brief, STILL, 0, full_masks(network), callbacks=[first])
    second: Criterion = make("criteria", criterion, {})
    second.start(context)
    second.load_state_dict({name: value.clone() for name, value in first.state_dict().items()})
    before, after = first.state_dict(), second.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
