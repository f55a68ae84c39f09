"""Criteria that leave positions, or numbers too, to chance."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from exitprune.config.choice import make
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import num_kept, weights
from tests.pruning.contexts import a_context


@pytest.mark.parametrize("share", [1.0, 0.9, 0.7, 0.5, 0.3, 0.1, 0.05, 0.02])
def test_a_bernoulli_mask_keeps_its_share_within_four_deviations_but_not_exactly(
    share: float, network: EarlyExitNetwork
) -> None:
    context = a_context(network, kept_share=share)
    criterion = make("criteria", "bernoulli", {})
    masks = criterion.choose(context, criterion.score(context))
    total = sum(weight.numel() for weight in weights(network).values())
    assert abs(num_kept(masks) - share * total) <= 4 * (total * share * (1 - share)) ** 0.5
    assert (num_kept(masks) == round(share * total)) == (share == 1)


def test_a_second_round_of_bernoulli_goes_on_from_the_first(network: EarlyExitNetwork) -> None:
    criterion, total = make("criteria", "bernoulli", {}), sum(weight.numel() for weight in weights(network).values())
    context = a_context(network, kept_share=0.5)
    first = criterion.choose(context, criterion.score(context))
    context = replace(a_context(network, kept_share=0.25, generator=torch.Generator().manual_seed(9)), masks=first)
    second = criterion.choose(context, criterion.score(context))
    assert not any((second[name] & ~first[name]).any() for name in first)
    assert abs(num_kept(second) - total / 4) <= 4 * (total * 3 / 16) ** 0.5


@pytest.mark.parametrize("name", ["snip", "grasp"])
def test_a_ratio_keeps_as_many_of_each_layer_at_other_positions(
    name: str, network: EarlyExitNetwork, images: Images
) -> None:
    batches = [(images.normalise(images.pixels), images.labels)]
    context = a_context(network, batches=batches, kept_share=0.3)
    plain = context.plan(make("criteria", name, {}).score(context))
    moved = context.plan(make("criteria", f"{name}_ratio", {}).score(context))
    assert {layer: num_kept(plain, [layer]) for layer in plain} == {layer: num_kept(moved, [layer]) for layer in moved}
    largest = max(plain, key=lambda layer: plain[layer].numel())
    by_chance = plain[largest].float().mean() ** 2
    assert (plain[largest] & moved[largest]).float().mean() == pytest.approx(float(by_chance), abs=0.02)
