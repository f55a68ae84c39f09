"""Filters in groups of sixteen: widths that kernels work on in whole vectors."""

from __future__ import annotations

import pytest
import torch

from exitprune.config.prune import Prune
from exitprune.config.training import Training
from exitprune.jobs.seeding import generator
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, full_masks, weights
from exitprune.pruning.rounds import plan, prune_
from exitprune.variants import variant
from tests.conftest import Build

filter16 = variant("granularities", "filter16")


def pruned(network: EarlyExitNetwork, criterion: str, scope: str) -> list[Masks]:
    """The filters that are there after each of five joint rounds to half of them, without training in between."""
    settings = Prune(
        order="joint",
        sparsity=0.5,
        rounds=5,
        schedule="linear",
        criterion=criterion,
        scope=scope,
        granularity="filter16",
        finetune=Training(epochs=0, lr=0.1, lr_scheduler="constant", momentum=0, weight_decay=0, batch_size=8),
    )
    masks, units = full_masks(network), []
    for number, (round_, kept_share) in enumerate(plan(settings)):
        masks = prune_(network, masks, round_, kept_share, settings, [], generator("test", number))
        units.append(filter16.unit_masks(network, masks))
    return units


@pytest.mark.parametrize("criterion", ["magnitude", "random"])
@pytest.mark.parametrize("scope", ["global", "std"])
def test_all_layers_but_one_keep_whole_groups(build: Build, criterion: str, scope: str) -> None:
    for units in pruned(build(depth=56, exits=(4, 8, 12, 16, 20, 24)), criterion, scope):
        broken = [name for name, unit in units.items() if int(unit.sum()) % 16]
        assert len(broken) <= 1


def test_exactly_as_many_filters_go_as_one_by_one(build: Build) -> None:
    counts = [
        sum(int(unit.sum()) for unit in units.values()) for units in pruned(build(depth=56), "magnitude", "global")
    ]
    total = 9 * (16 + 32 + 64)
    assert counts == [round(total * (1 - 0.1 * number)) for number in range(1, 6)]


def test_a_group_scores_the_mean_of_its_filters_best_first(build: Build) -> None:
    network = build(depth=8)
    scores = {name: weight.detach().abs() for name, weight in weights(network).items()}
    single = variant("granularities", "filter").unit_scores(network, scores)["b3.c1"]
    grouped = filter16.unit_scores(network, scores)["b3.c1"]
    for group in single.argsort(descending=True).split(16):
        torch.testing.assert_close(grouped[group], single[group].mean().expand(16))


def test_filters_that_are_gone_take_no_place_in_a_group(build: Build) -> None:
    network = build(depth=8)
    block = network.blocks[1]  # 32 filters
    with torch.no_grad():
        block.c1.weight[:8] = 0
        block.c2.weight[:, :8] = 0
    scores = {name: torch.ones_like(weight) for name, weight in weights(network).items()}
    scores["b2.c1"][:8] = 9  # as a criterion that does not look at weights may score them
    scores["b2.c1"][8:24] = 5
    grouped = filter16.unit_scores(network, scores)["b2.c1"]
    assert len(grouped[8:24].unique()) == 1  # one group, which the eight that are gone would have split
    assert (grouped[24:] < grouped[8]).all()
