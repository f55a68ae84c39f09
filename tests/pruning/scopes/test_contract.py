"""The contract of every scope, walked by folder."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from exitprune.config.choice import make
from exitprune.networks.masks import num_kept
from exitprune.variants import names_of

SIZES = {"a": (4, 3, 3, 3), "b": (8, 4), "c": (50,)}

pytestmark = pytest.mark.parametrize("scope", names_of("scopes"))


def scores_and_masks(
    seed: int, density: float = 0.7, ties: bool = False
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    draw = torch.Generator().manual_seed(seed)
    scores = {name: torch.randn(size, generator=draw).abs() for name, size in SIZES.items()}
    if ties:
        scores = {name: (score * 2).round() for name, score in scores.items()}
    drawn = {
        name: torch.rand(size, generator=draw) for name, size in SIZES.items()
    }  # the same share of every layer is there
    masks = {
        name: rank <= rank.flatten().kthvalue(round(density * rank.numel())).values for name, rank in drawn.items()
    }
    return scores, masks


def choose(scope: str, scores: dict[str, Tensor], masks: dict[str, Tensor], fraction: float) -> dict[str, Tensor]:
    num = round(fraction * num_kept(masks, scores))
    chosen: dict[str, Tensor] = make("scopes", scope, {}).choose(scores, masks, num)
    return chosen


@given(seed=st.integers(0, 99), fraction=st.floats(0, 1), ties=st.booleans())
def test_nothing_comes_back_and_as_many_go_as_asked(scope: str, seed: int, fraction: float, ties: bool) -> None:
    scores, masks = scores_and_masks(seed, ties=ties)
    chosen = choose(scope, scores, masks, fraction)
    assert list(chosen) == list(scores)
    assert not any((chosen[name] & ~masks[name]).any() for name in masks)
    kept = num_kept(masks)
    assert abs(num_kept(chosen) - (kept - round(fraction * kept))) <= len(scores)  # some scopes round in each layer


def test_a_fraction_of_0_takes_nothing_and_of_1_everything(scope: str) -> None:
    scores, masks = scores_and_masks(0)
    masks["b"][:6] = False  # as roundings of earlier rounds leave layers uneven
    untouched = choose(scope, scores, masks, 0.0)
    assert all(torch.equal(untouched[name], masks[name]) for name in masks)
    assert num_kept(choose(scope, scores, masks, 1.0)) == 0


def test_the_masks_given_are_not_changed(scope: str) -> None:
    scores, masks = scores_and_masks(1)
    before = {name: mask.clone() for name, mask in masks.items()}
    choose(scope, scores, masks, 0.5)
    assert all(torch.equal(masks[name], before[name]) for name in masks)


def test_what_stays_in_a_layer_scores_no_lower_than_what_goes(scope: str) -> None:
    scores, masks = scores_and_masks(2)
    chosen = choose(scope, scores, masks, 0.5)
    gone = {name: masks[name] & ~chosen[name] for name in masks}
    loses = [name for name in masks if gone[name].any() and chosen[name].any()]
    assert any(mask.any() for mask in gone.values())
    for name in loses:
        assert scores[name][gone[name]].max() <= scores[name][chosen[name]].min()


def test_a_layer_with_nothing_left_is_no_obstacle(scope: str) -> None:
    scores, masks = scores_and_masks(3)
    masks["b"] = torch.zeros_like(masks["b"])
    chosen = choose(scope, scores, masks, 0.5)
    assert num_kept(chosen) in range(1, num_kept(masks))


def test_scores_of_masked_weights_have_no_say(scope: str) -> None:
    scores, masks = scores_and_masks(4)
    others = {name: torch.where(masks[name], score, 1e6) for name, score in scores.items()}
    first, second = choose(scope, scores, masks, 0.4), choose(scope, others, masks, 0.4)
    assert all(torch.equal(first[name], second[name]) for name in masks)
