"""Pruning: rounds end where the schedule says, nothing comes back, and a frozen base network does not move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from exitprune.config.about import disagreement
from exitprune.config.choice import made, make
from exitprune.config.data import Augment
from exitprune.config.prune import Prune
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.jobs.compute import Machine
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.groups import Group
from exitprune.networks.masks import Masks, full_masks, num_kept, weights
from exitprune.pruning.rounds import Chooser, apply_, plan
from exitprune.training.loop import train_
from exitprune.variants import names_of
from tests.conftest import Build
from tests.pruning.contexts import a_context, goes_by, pruning, scores_of

Batches = Sequence[tuple[Tensor, Tensor]]

PRUNE = pruning()


def prune_(
    network: EarlyExitNetwork, masks: Masks, group: Group, share: float, settings: Prune, batches: Batches = ()
) -> Masks:
    """What a round does before it trains."""
    what = settings.granularity.name
    context = replace(a_context(network, list(network.named_layers(group)), batches, granularity=what), masks=masks)
    chooser, criterion = Chooser.of(settings), made("criteria", settings.criterion)
    if not chooser.has_units(network, group):
        return dict(masks)
    after = chooser.choose(network, masks, group, share, scores_of(criterion, context))
    apply_(network, masks, after, context.dense)
    return after


def run(
    network: EarlyExitNetwork, settings: Prune, images: Images | None = None, brief: Training | None = None
) -> list[Masks]:
    """The masks of all levels, level 0 first; trains in between if there are images."""
    levels = [full_masks(network)]
    for number, step in enumerate(plan(settings), 1):
        assert step.prune
        levels.append(prune_(network, levels[-1], step.prune, step.kept_share, settings))
        if images and brief:
            train_(network, images, step.train, brief, Augment(pad=0, flip=False), number, levels[-1])
    return levels


def clones(network: EarlyExitNetwork) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@given(
    sparsity=st.floats(0, 0.99),
    rounds=st.integers(1, 25),
    schedule=st.sampled_from(names_of("schedules")),
    order=st.sampled_from(names_of("orders")),
    scope=st.sampled_from(names_of("scopes")),
)
@hypothesis_settings(max_examples=40)
def test_the_rounds_reach_the_sparsity(
    build: Build, sparsity: float, rounds: int, schedule: str, order: str, scope: str
) -> None:
    network = build()
    settings = pruning(order=order, sparsity=sparsity, rounds=rounds, schedule=schedule, scope=scope)
    last = run(network, settings)[-1]
    groups = {step.prune for step in plan(settings) if step.prune}
    for group in groups:
        names = list(network.named_layers(group))
        total = sum(last[name].numel() for name in names)
        assert abs(num_kept(last, names) - (1 - sparsity) * total) <= 0.5 * len(
            names
        )  # some scopes round in each layer


@pytest.mark.parametrize("order", names_of("orders"))
@pytest.mark.parametrize("scope", names_of("scopes"))
def test_no_weight_ever_comes_back(
    order: str, scope: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    levels = run(network, pruning(order=order, scope=scope), images, brief)
    for before, after in pairwise(levels):
        assert not any((after[name] & ~before[name]).any() for name in before)
        assert num_kept(after) < num_kept(before)
    for name, weight in weights(network).items():
        assert torch.count_nonzero(weight[~levels[-1][name]]) == 0


@pytest.mark.parametrize("num_rounds", [3, 20])
def test_every_linear_round_removes_the_same_number(network: EarlyExitNetwork, num_rounds: int) -> None:
    kept = [num_kept(masks) for masks in run(network, pruning(rounds=num_rounds))]
    removed = [before - after for before, after in pairwise(kept)]
    assert max(removed) - min(removed) <= 1


def test_a_round_removes_round_of_fraction_times_kept_weights(network: EarlyExitNetwork) -> None:
    first = prune_(network, full_masks(network), "all", 0.5, PRUNE)
    kept = num_kept(first)
    total = num_kept(full_masks(network))
    second = prune_(network, first, "all", 0.3, PRUNE)
    assert kept - num_kept(second) == round((1 - 0.3 * total / kept) * kept)


def test_the_weights_that_go_are_zero_and_the_others_as_before(network: EarlyExitNetwork) -> None:
    before = clones(network)
    masks = prune_(network, full_masks(network), "all", 0.2, PRUNE)
    for name, weight in weights(network).items():
        assert torch.equal(weight != 0, masks[name])
    prunable = {id(weight): name for name, weight in weights(network).items()}
    for name, tensor in network.state_dict(keep_vars=True).items():
        kept = masks[prunable[id(tensor)]] if id(tensor) in prunable else torch.ones_like(tensor, dtype=torch.bool)
        assert torch.equal(tensor[kept], before[name][kept])


def test_the_masks_of_other_groups_are_the_same_objects(network: EarlyExitNetwork) -> None:
    masks = full_masks(network)
    pruned = prune_(network, masks, "exits", 0.5, PRUNE)
    assert list(pruned) == list(masks)
    assert {name for name in masks if pruned[name] is not masks[name]} == {"exit0", "exit1"}
    assert num_kept(masks) == num_kept(full_masks(network))


def test_a_share_already_reached_takes_nothing(network: EarlyExitNetwork) -> None:
    half = prune_(network, full_masks(network), "all", 0.5, PRUNE)
    again = prune_(network, half, "all", 0.9, PRUNE)
    assert all(torch.equal(half[name], again[name]) for name in half)


def test_pruning_exits_leaves_the_base_bit_for_bit_through_training(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    train_(network, images, "all", brief, Augment(pad=0, flip=False), 0, full_masks(network))
    masks = prune_(network, full_masks(network), "base", 0.3, PRUNE)
    before = clones(network)
    for share in (0.6, 0.2):
        masks = prune_(network, masks, "exits", share, PRUNE)
        train_(network, images, "exits", brief, Augment(pad=0, flip=False), 1, masks)
    moved = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == {f"exits.{i}.fc.{part}" for i in (0, 1) for part in ("weight", "bias")}
    assert {"base.bn.running_mean", "base.bn.num_batches_tracked"} <= before.keys() - moved


def test_the_sequential_order_trains_no_exit_while_it_prunes_the_base(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    before = clones(network)
    settings = pruning(order="sequential", rounds=1)
    step, *_ = plan(settings)
    assert step.prune
    masks = prune_(network, full_masks(network), step.prune, step.kept_share, settings)
    train_(network, images, step.train, brief, Augment(pad=0, flip=False), 0, masks)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]) == name.startswith("exits.")


def test_masks_are_decided_in_float32_after_training_in_bfloat16(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    everything = full_masks(network)
    train_(
        network,
        images,
        "all",
        brief,
        Augment(pad=0, flip=False),
        0,
        everything,
        Machine(torch.device("cpu"), torch.bfloat16),
    )
    scores = torch.cat([weight.detach().abs().flatten() for weight in weights(network).values()])
    assert scores.dtype == torch.float32
    assert len(set(scores.bfloat16().tolist())) < 0.1 * len(scores)
    masks = prune_(network, everything, "all", 0.5, PRUNE)
    kept = torch.cat([mask.flatten() for mask in masks.values()])
    assert scores[~kept].max() <= scores[kept].min()


def test_the_plan_goes_through_the_schedule_once_per_group() -> None:
    steps = plan(pruning(order="sequential"))
    assert [step.prune for step in steps] == ["base"] * 3 + ["exits"] * 3
    shares = [step.kept_share for step in steps]
    assert shares[:3] == shares[3:] == pytest.approx([1 - 0.8 / 3, 1 - 1.6 / 3, 0.2])


def test_an_order_with_fewer_rounds_per_group_still_ends_where_the_schedule_does() -> None:
    half = pruning(order={"name": "sequential", "budget": "half"}, rounds=4)
    assert [step.kept_share for step in plan(half)] == pytest.approx([0.6, 0.2, 0.6, 0.2])


def test_what_is_left_of_training_follows_the_rounds_of_its_group() -> None:
    joint, sequential = (plan(pruning(order=order, rounds=1, start="initial")) for order in ("joint", "sequential"))
    assert [(step.prune, step.train, step.training) for step in joint] == [
        ("all", "all", "finetune"),
        (None, "base", "base"),
        (None, "exits", "heads"),
    ]
    assert [(step.prune, step.training) for step in sequential] == [
        ("base", "finetune"),
        (None, "base"),
        ("exits", "finetune"),
        (None, "heads"),
    ]


def test_weights_that_may_come_back_do_with_their_dense_value(network: EarlyExitNetwork) -> None:
    dense = {name: weight.detach().clone() for name, weight in weights(network).items()}
    chooser = Chooser(make("scopes", "global", {}), make("granularities", "weight", {}), grows_back=True)
    masks = full_masks(network)
    for scores in (dense, {name: -weight for name, weight in dense.items()}):
        after = chooser.choose(network, masks, "all", 0.4, scores)
        apply_(network, masks, after, lambda: dense)
        masks = after
    assert num_kept(masks) == round(0.4 * sum(mask.numel() for mask in masks.values()))
    for name, weight in weights(network).items():
        assert torch.equal(weight, torch.where(masks[name], dense[name], 0))


@pytest.mark.parametrize("order", names_of("orders"))
def test_filters_go_in_every_order_and_rounds_without_filters_only_train(
    order: str, network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    levels = run(network, pruning(order=order, granularity="filter"), images, brief)
    num_filters = sum(block.c1.out_channels for block in network.base.blocks)
    alive = sum(int(levels[-1][f"b{n}.c1"].flatten(1).any(1).sum()) for n in range(1, len(network.base.blocks) + 1))
    assert alive == round(0.2 * num_filters)
    for name, mask in levels[-1].items():
        if not name.endswith((".c1", ".c2")):
            assert mask.all()
        assert torch.count_nonzero(weights(network)[name][~mask]) == 0


@pytest.mark.parametrize("criterion", names_of("criteria"))
@pytest.mark.parametrize("scope", names_of("scopes"))
def test_every_criterion_works_in_every_scope(
    criterion: str, scope: str, network: EarlyExitNetwork, images: Images
) -> None:
    granularity = goes_by(criterion)
    said = [
        ("criterion", "criteria", criterion),
        ("scope", "scopes", scope),
        ("granularity", "granularities", granularity),
    ]
    if disagreement(said):
        with pytest.raises(ValidationError, match="allowed with it"):
            pruning(criterion=criterion, scope=scope, granularity=granularity)
        return
    settings = pruning(criterion=criterion, scope=scope, granularity=granularity)
    batch = [(images.normalise(images.pixels), images.labels)]
    masks = prune_(network, full_masks(network), "all", 0.4, settings, batch)
    units = made("granularities", settings.granularity).unit_masks(network, masks)
    total = sum(unit.numel() for unit in units.values())
    assert abs(num_kept(units) - 0.4 * total) <= 0.5 * len(units)
