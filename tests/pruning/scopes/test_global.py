"""One ranking over all layers, held against torch.nn.utils.prune."""

from __future__ import annotations

import torch
from torch.nn.utils import prune

from exitprune.config.choice import make
from exitprune.networks.masks import num_kept, weights
from exitprune.pruning.ranking import without_lowest
from tests.conftest import Build


def test_three_rounds_choose_what_torchs_global_unstructured_chooses(build: Build) -> None:
    ours, theirs = build(20, (3, 6)), build(20, (3, 6))
    layers = theirs.named_layers()
    masks = {name: torch.ones_like(w, dtype=torch.bool) for name, w in weights(ours).items()}
    for number, amount in enumerate((0.2, 0.5, 0.37)):
        draw = torch.Generator().manual_seed(number)
        for weight in weights(ours).values():  # as if the weights had been trained in between
            weight.data.add_(0.1 * torch.randn(weight.shape, generator=draw))
        scores = {name: weight.detach().abs() for name, weight in weights(ours).items()}
        masks = make("scopes", "global", {}).choose(scores, masks, round(amount * num_kept(masks)))
        prune.global_unstructured(
            [(layer, "weight") for layer in layers.values()],
            prune.L1Unstructured,
            importance_scores={(layer, "weight"): scores[name] for name, layer in layers.items()},
            amount=amount,
        )
        assert all(torch.equal(masks[name], layer.get_buffer("weight_mask").bool()) for name, layer in layers.items())
    assert num_kept(masks) < 0.3 * sum(mask.numel() for mask in masks.values())


def test_layers_of_small_weights_lose_more() -> None:
    scores = {"small": torch.arange(1.0, 9.0), "large": torch.arange(10.0, 18.0)}
    masks = {name: torch.ones(8, dtype=torch.bool) for name in scores}
    chosen = make("scopes", "global", {}).choose(scores, masks, 8)
    assert {name: int(mask.sum()) for name, mask in chosen.items()} == {"small": 0, "large": 8}
    assert all(torch.equal(chosen[name], without_lowest(scores, masks, 8)[name]) for name in scores)


def test_every_layer_keeps_one_where_floors_do_not_fit() -> None:
    scores = {"first": torch.arange(1.0, 10.0), "second": torch.arange(20.0, 29.0), "third": torch.arange(40.0, 49.0)}
    masks = {name: torch.ones(9, dtype=torch.bool) for name in scores}
    chosen = make("scopes", "global", {"floor": 0.2}).choose(scores, masks, 23)  # 2 of 9 each would be 6, and 4 stay
    assert {name: int(mask.sum()) for name, mask in chosen.items()} == {"first": 1, "second": 1, "third": 2}
