"""Base and exits apart."""

from __future__ import annotations

import torch

from exitprune.config.choice import make
from exitprune.networks.masks import Masks, num_kept, weights
from tests.conftest import Build

SHARES = (0.9, 0.5, 0.12)


def test_base_and_exits_keep_the_same_share_each_its_largest_after_any_number_of_rounds(build: Build) -> None:
    network = build(20, (3, 6), num_classes=10)
    scores = {name: weight.detach().abs() for name, weight in weights(network).items()}
    groups = {group: list(network.named_layers(group)) for group in ("base", "exits")}
    masks: Masks = {name: torch.ones_like(score, dtype=torch.bool) for name, score in scores.items()}
    for share in SHARES:
        goes = num_kept(masks) - round(share * sum(score.numel() for score in scores.values()))
        masks = make("scopes", "group", {}).choose(scores, masks, goes)
        for names in groups.values():
            there = {name: torch.ones_like(masks[name]) for name in names}
            kept = round(share * num_kept(there))
            alone = make("scopes", "global", {}).choose(
                {name: scores[name] for name in names}, there, num_kept(there) - kept
            )
            assert all(torch.equal(masks[name], alone[name]) for name in names)
