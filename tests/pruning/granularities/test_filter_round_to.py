"""Filters in groups of sixteen: widths that kernels work on in whole vectors."""

from __future__ import annotations

import pytest
import torch

from exitprune.config.choice import make
from exitprune.jobs.seeding import generator
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, apply_masks_, full_masks, weights
from exitprune.pruning.granularities.filter import Filter
from exitprune.pruning.rounds import Chooser
from tests.conftest import Build
from tests.pruning.contexts import a_context

GROUPED = Filter(round_to=16)


def pruned(network: EarlyExitNetwork, criterion: str, scope: str) -> list[Masks]:
    """The filters that are there after each of five rounds to half of them, without training in between."""
    chooser = Chooser(make("scopes", scope, {}), GROUPED, False)
    masks, units = full_masks(network), []
    for number in range(1, 6):
        context = a_context(network, generator=generator("test", number))
        masks = chooser.choose(network, masks, "all", 1 - 0.1 * number, make("criteria", criterion, {}).score(context))
        apply_masks_(network, masks)
        units.append(GROUPED.unit_masks(network, masks))
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
    single = Filter().unit_scores(network, scores, full_masks(network))["b3.c1"]
    grouped = GROUPED.unit_scores(network, scores, full_masks(network))["b3.c1"]
    for group in single.argsort(descending=True).reshape(-1, 16):
        torch.testing.assert_close(grouped[group], single[group].mean().expand(16))


def test_filters_that_are_gone_take_no_place_in_a_group(build: Build) -> None:
    network = build(depth=8)
    block = network.base.blocks[1]  # 32 filters
    with torch.no_grad():
        block.c1.weight[:8] = 0
        block.c2.weight[:, :8] = 0
    scores = {name: torch.ones_like(weight) for name, weight in weights(network).items()}
    scores["b2.c1"][:8] = 9  # as a criterion that does not look at weights may score them
    scores["b2.c1"][8:24] = 5
    there = {name: weight != 0 for name, weight in weights(network).items()}
    grouped = GROUPED.unit_scores(network, scores, there)["b2.c1"]
    assert len(set(grouped[8:24].tolist())) == 1  # one group, which the eight that are gone would have split
    assert (grouped[24:] < grouped[8]).all()


def test_what_is_left_of_a_group_goes_first_however_well_it_scores(build: Build) -> None:
    network = build(depth=8)
    scores = {name: torch.ones_like(weight) for name, weight in weights(network).items()}
    scores["b3.c1"][:] = 9
    there = GROUPED.unit_masks(network, full_masks(network))
    masks = GROUPED.weight_masks(network, full_masks(network), {**there, "b3.c1": torch.arange(64) < 20})
    units = GROUPED.unit_scores(network, scores, masks)
    left = units["b3.c1"][:20].sort().values
    lowest = min(float(score.min()) for name, score in units.items() if name != "b3.c1")
    assert left[:4].tolist() == [lowest] * 4
    assert (left[4:] > lowest).all()
