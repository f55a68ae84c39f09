"""Magnitude."""

from __future__ import annotations

import torch

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.pruning.criteria import magnitude


def test_the_score_is_the_absolute_weight(network: EarlyExitNetwork) -> None:
    scores = magnitude.score(network, ["stem", "fc"], [], torch.Generator())
    assert {name: torch.equal(scores[name], weights(network)[name].abs()) for name in scores} == {
        "stem": True,
        "fc": True,
    }


def test_no_data_are_looked_at(network: EarlyExitNetwork) -> None:
    def forbidden() -> object:
        raise AssertionError("magnitude read a batch")
        yield

    magnitude.score(network, ["fc"], forbidden(), torch.Generator())  # type: ignore[arg-type]
