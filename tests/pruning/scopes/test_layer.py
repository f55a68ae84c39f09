"""One ranking per layer, held against torch.nn.utils.prune."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.utils import prune

from exitprune.networks.masks import num_kept, weights
from exitprune.pruning.scopes.layer import Layer
from tests.conftest import Build


@pytest.mark.parametrize("amount", [0.1, 0.5, 0.8, 0.99])
def test_each_layer_loses_what_torchs_l1_unstructured_takes(build: Build, amount: float) -> None:
    network = build(20, (3, 6), num_classes=10)
    scores = {name: weight.detach().abs() for name, weight in weights(network).items()}
    masks = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    chosen = Layer().choose(scores, masks, round(amount * num_kept(masks)))
    for name, module in network.named_layers().items():
        prune.l1_unstructured(module, "weight", amount=amount)  # type: ignore[no-untyped-call]
        assert torch.equal(chosen[name], module.get_buffer("weight_mask").bool())


@given(shares=st.lists(st.floats(0.01, 1), min_size=1, max_size=20).map(lambda shares: sorted(shares, reverse=True)))
def test_every_layer_is_within_half_a_weight_of_the_share_after_any_number_of_rounds(shares: list[float]) -> None:
    sizes = {"a": 7, "b": 50, "c": 333, "d": 12}
    scores = {name: torch.arange(float(size)) for name, size in sizes.items()}
    masks = {name: torch.ones(size, dtype=torch.bool) for name, size in sizes.items()}
    for share in shares:
        kept = sum(int(mask.sum()) for mask in masks.values())
        target = round(share * sum(sizes.values()))
        if target < kept:
            masks = Layer().choose(scores, masks, kept - target)
            for name, size in sizes.items():
                assert abs(int(masks[name].sum()) - target * size / sum(sizes.values())) <= 0.5 + 1e-6
