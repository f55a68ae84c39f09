"""One threshold per layer, in units of the layer's deviation."""

from __future__ import annotations

import torch
from torch import Tensor

from exitprune.networks.masks import num_kept, weights
from exitprune.pruning.scopes.std import Std
from tests.conftest import Build


def normal(size: int, seed: int) -> Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed)).abs()


def test_one_multiple_of_each_layers_deviation_separates_kept_from_gone(build: Build) -> None:
    network = build(20, (3, 6))
    scores = {name: weight.detach().abs() for name, weight in weights(network).items()}
    masks = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    chosen = Std().choose(scores, masks, round(0.6 * num_kept(masks)))
    lowest_kept, highest_gone = [], []
    for name, score in scores.items():
        deviation = score.double().square().mean().sqrt()
        lowest_kept += (score[chosen[name]].double() / deviation).tolist()
        highest_gone += (score[~chosen[name]].double() / deviation).tolist()
    assert max(highest_gone) < min(lowest_kept) * (1 + 1e-6)  # scores are float32
    assert len(highest_gone) == round(0.6 * num_kept(masks))


def test_the_scale_of_a_layer_does_not_matter() -> None:
    scores = {"a": normal(100, 0), "b": normal(100, 1)}
    masks = {name: torch.ones(100, dtype=torch.bool) for name in scores}
    chosen = Std().choose(scores, masks, 100)
    scaled = Std().choose({"a": scores["a"], "b": scores["b"] * 2.0**10}, masks, 100)
    assert all(torch.equal(chosen[name], scaled[name]) for name in masks)


def test_the_deviation_is_that_of_the_kept_weights() -> None:
    masks = {"a": torch.arange(100) < 50, "b": torch.ones(100, dtype=torch.bool)}
    scores = {"a": torch.where(masks["a"], normal(100, 0), 0.0), "b": normal(100, 1)}
    chosen = Std().choose(scores, masks, 75)
    alone = {"a": scores["a"][:50], "b": scores["b"]}
    expected = Std().choose(alone, {name: torch.ones_like(s, dtype=torch.bool) for name, s in alone.items()}, 75)
    assert torch.equal(chosen["a"][:50], expected["a"])
    assert torch.equal(chosen["b"], expected["b"])


def test_a_layer_of_zeros_goes_first() -> None:
    scores = {"zeros": torch.zeros(10), "b": normal(10, 0)}
    masks = {name: torch.ones(10, dtype=torch.bool) for name in scores}
    assert {name: int(mask.sum()) for name, mask in Std().choose(scores, masks, 10).items()} == {"zeros": 0, "b": 10}
