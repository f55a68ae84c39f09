"""Scores that look at curvature, held against an explicit Hessian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from exitprune.data.images import Images
from exitprune.networks.masks import weights
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.earlycrop import EarlyCrop
from exitprune.pruning.criteria.earlycrop_filters import EarlyCropFilters
from exitprune.pruning.criteria.grasp import Grasp
from exitprune.training.losses import exit_loss
from tests.conftest import Build
from tests.pruning.contexts import a_context

NAMES = ["stem", "exit0"]


Make = Callable[..., Context]


@pytest.fixture
def make(build: Build, images: Images) -> Make:
    """A maker of contexts: two batches, a few layers of a tiny network, some of whose weights are gone."""

    def made(names: list[str], granularity: str = "weight") -> Context:
        network = build(pool=1)
        draw = torch.Generator().manual_seed(3)
        halves = [(images.normalise(images.pixels[at]), images.labels[at]) for at in (slice(0, 8), slice(8, 16))]
        context = a_context(network, names, halves, granularity=granularity)
        for name in names:
            context.masks[name] &= torch.rand(context.masks[name].shape, generator=draw) < 0.7
            weights(network)[name].data *= context.masks[name]
        return context

    return made


def by_hand(context: Context) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, masked summed gradient, and H times it, as vectors over both layers, by the whole Hessian."""
    network = context.network.eval()
    by_identity = {id(parameter): name for name, parameter in network.named_parameters()}
    called = [by_identity[id(weights(network)[name])] for name in NAMES]
    vector = torch.cat([weights(network)[name].detach().flatten() for name in NAMES])

    def loss(given: Tensor) -> Tensor:
        parts = torch.split(given, [context.masks[name].numel() for name in NAMES])
        state = {
            key: part.reshape(context.masks[name].shape) for key, name, part in zip(called, NAMES, parts, strict=True)
        }
        return torch.stack([exit_loss(functional_call(network, state, (x,)), y) for x, y in context.batches]).sum()

    mask = torch.cat([context.masks[name].flatten() for name in NAMES])
    hessian = torch.autograd.functional.hessian(loss, vector)  # type: ignore[no-untyped-call]
    assert isinstance(hessian, Tensor)
    gradient: Tensor = torch.autograd.functional.jacobian(loss, vector) * mask  # type: ignore[no-untyped-call]
    return vector, gradient, hessian @ gradient


def flat(scores: dict[str, Tensor]) -> Tensor:
    return torch.cat([scores[name].flatten() for name in NAMES])


def close(mine: Tensor, theirs: Tensor) -> bool:
    return bool((mine - theirs).abs().max() < 1e-4 * theirs.abs().max())


def test_weights_score_as_an_explicit_hessian_says(make: Make) -> None:
    context = make(NAMES)
    weight, _, product = by_hand(context)
    assert close(flat(EarlyCrop().score(context)), (weight * product).abs())
    assert close(flat(Grasp().score(context)), weight * product)


def test_filters_score_the_derivative_by_their_gates(make: Make) -> None:
    """Gates that are there: the network is called with weights that they multiply."""
    names = ["b2.c1", "b2.c2"]
    context = make(names, "filter")
    scores, network = EarlyCropFilters().score(context), context.network.eval()
    by_identity = {id(parameter): name for name, parameter in network.named_parameters()}
    leaves = {name: weights(network)[name].detach().clone().requires_grad_() for name in names}
    gates = torch.ones(32, requires_grad=True)
    gated = {**leaves, "b2.c1": leaves["b2.c1"] * gates[:, None, None, None]}
    state = {by_identity[id(weights(network)[name])]: weight for name, weight in gated.items()}
    loss = torch.stack([exit_loss(functional_call(network, state, (x,)), y) for x, y in context.batches]).sum()
    gradient = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
    held = [part.detach() * context.masks[name] for name, part in zip(names, gradient, strict=True)]
    along = torch.stack([(part * kept).sum() for part, kept in zip(gradient, held, strict=True)]).sum()
    assert list(scores) == ["b2.c1"]
    assert close(scores["b2.c1"], torch.autograd.grad(along, gates)[0].abs())


def test_each_layer_keeps_its_best_filter(build: Build) -> None:
    context = a_context(build(pool=1), granularity="filter", kept_share=0.5)
    scores = {name: torch.arange(float(len(unit))) for name, unit in context.units.items()}
    scores["b1.c1"] -= 1000
    left = context.units_of(EarlyCropFilters().choose(context, scores))
    assert left["b1.c1"].nonzero().flatten().tolist() == [len(scores["b1.c1"]) - 1]
    assert all(unit.any() for unit in left.values())


def test_the_best_filter_of_a_layer_is_one_that_is_there(build: Build) -> None:
    context = a_context(build(pool=1), granularity="filter", kept_share=0.5)
    scores = {name: torch.arange(float(len(unit))) for name, unit in context.units.items()}
    gone = len(scores["b1.c1"]) - 1
    context.masks.update(context.without({**context.units, "b1.c1": torch.arange(gone + 1) < gone}))
    scores["b1.c1"][:gone] -= 1000
    scores["b1.c1"][gone] = -500
    left = context.units_of(EarlyCropFilters().choose(context, scores))
    assert left["b1.c1"].nonzero().flatten().tolist() == [gone - 1]


@pytest.mark.parametrize("criterion", [EarlyCrop, Grasp, EarlyCropFilters])
def test_only_as_many_batches_are_looked_at_as_asked(criterion: Any, make: Make) -> None:
    context = make(["b2.c1", "b2.c2"], "filter")
    one, two = (criterion(batches=batches).score(context)["b2.c1"] for batches in (1, 2))
    assert not torch.allclose(one, two, rtol=1e-3)
