"""K starts and dissipating: masks that take turns, and weights that have not moved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from exitprune.config.choice import make
from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.as_drawn import as_drawn
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks, num_kept, weights
from exitprune.pruning.criteria.k_starts import KStarts, standardised
from exitprune.training.loop import train_
from tests.pruning.contexts import a_context, scores_of
from tests.small_study import NO_TRAINING, Study, killed_and_run_again

STILL = Augment(pad=0, flip=False)


def drawn(network: EarlyExitNetwork) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in weights(network).items()}


@pytest.mark.parametrize("exits", ["pruned", "dense"])
def test_with_one_start_it_is_random_pruning(exits: str, network: EarlyExitNetwork) -> None:
    base = list(network.named_layers("base"))
    criterion, context = make("criteria", "k_starts", {"starts": 1, "exits": exits}), a_context(network, base)
    criterion.start(context)
    mine = context.plan(criterion.score(context))
    theirs = context.plan(make("criteria", "random", {}).score(a_context(network, base)))
    assert all(torch.equal(mine[name], theirs[name]) for name in mine)


def test_exits_are_dense_unless_they_are_all_there_is(network: EarlyExitNetwork) -> None:
    for names, dense in ((list(weights(network)), True), (["exit0", "exit1"], False)):
        criterion, context = KStarts(), a_context(network, names, kept_share=0.3)
        criterion.start(context)
        for masks in criterion._masks:
            assert bool(masks["exit0"].all() and masks["exit1"].all()) == dense


def test_a_step_trains_what_its_mask_keeps_and_hides_the_rest(network: EarlyExitNetwork) -> None:
    criterion, context, before = KStarts(starts=2), a_context(network), drawn(network)
    criterion.start(context)
    for step in range(2):
        criterion.before_forward(network)
        masks = criterion._masks[step]
        for name, weight in weights(network).items():
            assert torch.equal(weight, before[name] * masks[name])
            weight.grad = torch.ones_like(weight)
        criterion.after_backward(network)
        for weight in weights(network).values():
            weight.data.sub_(0.5)  # momentum and decay move what is hidden too
        criterion.after_step(network, masks)
        for name, weight in weights(network).items():
            before[name] = torch.where(masks[name], before[name] * masks[name] - 0.5, before[name])
            assert torch.equal(weight, before[name])
    for masks, sums in zip(criterion._masks, criterion._sums, strict=True):
        assert all(torch.equal(total, masks[name].float()) for name, total in sums.items())


def test_a_turn_more_makes_no_mask_fitter(network: EarlyExitNetwork) -> None:
    criterion, context = KStarts(starts=2, fitness="gradient"), a_context(network)
    criterion.start(context)
    for gradient in (1.0, 1.1, 1.0):
        criterion.before_forward(network)
        for weight in weights(network).values():
            weight.grad = torch.full_like(weight, gradient)
        criterion.after_backward(network)
        criterion.after_step(network, {})
    chosen = context.plan(criterion.score(context))
    assert all(torch.equal(chosen[name], criterion._masks[1][name]) for name in context.names)


@pytest.mark.parametrize("fitness", ["weight", "gradient", "both"])
def test_the_fittest_by_hand(fitness: str, network: EarlyExitNetwork, images: Images, brief: Training) -> None:
    criterion, context = make("criteria", "k_starts", {"fitness": fitness}), a_context(network)
    base = context.names
    criterion.start(context)
    train_(network, images, "all", brief, STILL, 0, full_masks(network), callbacks=[criterion])
    chosen = context.plan(criterion.score(context))

    def means(values: list[dict[str, Tensor]]) -> list[float]:
        return [
            sum(float((one[name] * masks[name]).double().sum()) for name in base) / num_kept(masks, base)
            for one, masks in zip(values, criterion._masks, strict=True)
        ]

    size = torch.tensor(means([{name: weights(network)[name].detach().abs() for name in base}] * 4))
    steps = len(range(0, len(images.labels), brief.batch_size)) * brief.epochs
    slope = torch.tensor(means(criterion._sums)) / torch.tensor([(steps + 3 - turn) // 4 for turn in range(4)])
    expected = {"weight": size, "gradient": slope, "both": standardised(size) + standardised(slope)}[fitness]
    assert all(torch.equal(chosen[name], criterion._masks[int(expected.argmax())][name]) for name in base)


def test_what_has_moved_least_goes_and_exactly_as_many_as_asked(network: EarlyExitNetwork) -> None:
    first, draw = drawn(network), torch.Generator().manual_seed(0)
    for weight in weights(network).values():
        weight.data.add_(0.01 * torch.randn(weight.shape, generator=draw))
    context = replace(a_context(network, kept_share=0.6), initial=lambda: first)
    masks = context.plan(make("criteria", "dissipating", {}).score(context))
    moved = {name: ((weight - first[name]) / first[name]).abs().detach() for name, weight in weights(network).items()}
    flat = torch.cat([value.flatten() for value in moved.values()])
    kept = torch.cat([mask.flatten() for mask in masks.values()])
    assert int(kept.sum()) == round(0.6 * len(flat))
    assert flat[~kept].max() <= torch.quantile(flat.sort().values[: (~kept).sum() + 1], 1.0)


def test_once_something_is_gone_k_starts_dissipates(network: EarlyExitNetwork) -> None:
    first = drawn(network)
    for weight in weights(network).values():
        weight.data.mul_(1 + torch.rand(weight.shape, generator=torch.Generator().manual_seed(0)))
    context = replace(a_context(network), initial=lambda: first)
    some = {name: torch.arange(mask.numel()).reshape(mask.shape) % 2 == 0 for name, mask in context.masks.items()}
    context = replace(context, masks=some)
    found = scores_of(make("criteria", "k_starts_dissipating", {}), context)
    dissipating = scores_of(make("criteria", "dissipating", {}), context)
    assert all(torch.equal(score, dissipating[name]) for name, score in found.items())


@pytest.mark.parametrize("order", ["joint", "sequential"])
def test_from_the_start_to_the_end_of_a_chain(order: str, study: Study) -> None:
    levels = study.run_recipe(
        "both",
        order=order,
        start="initial",
        criterion={"name": "k_starts_dissipating", "starts": 2},
        schedule={"name": "hybrid", "first": 0.4},
        finetune=NO_TRAINING,
    )
    first = drawn(as_drawn(levels[0].network.spec, 0))
    before, after = levels[0], levels[1]
    group = list(before.network.named_layers("all" if order == "joint" else "base"))
    assert num_kept(before.masks, group) == pytest.approx(0.6 * sum(first[name].numel() for name in group), abs=1)
    assert not any((after.masks[name] & ~before.masks[name]).any() for name in group)
    gone = torch.cat([(before.masks[name] & ~after.masks[name]).flatten() for name in group])
    assert gone.any()
    assert num_kept(levels[-1].masks) == pytest.approx(0.3 * sum(value.numel() for value in first.values()), abs=2)


def test_killed_while_masks_take_turns_it_ends_with_the_same_bytes(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: dict[str, Any] = {
        "order": "joint", "rounds": 1, "start": "initial", "criterion": {"name": "k_starts", "epochs": 2},
        "finetune": NO_TRAINING,
    }  # fmt: skip
    assert killed_and_run_again(study, monkeypatch, after=1, **chosen)[:2] == [1, 2]


def test_fitness_is_in_deviations_from_the_mean() -> None:
    assert standardised(torch.tensor([1.0, 3.0])).tolist() == [-1.0, 1.0]
    assert standardised(torch.tensor([10.0, 30.0])).tolist() == [-1.0, 1.0]
    assert standardised(torch.tensor([2.0, 2.0])).tolist() == [0.0, 0.0]
