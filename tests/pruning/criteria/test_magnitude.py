"""Magnitude."""

from __future__ import annotations

import torch

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import weights
from exitprune.pruning.criteria.magnitude import Magnitude
from tests.pruning.contexts import a_context


def test_the_score_is_the_absolute_weight(network: EarlyExitNetwork) -> None:
    scores = Magnitude().score(a_context(network, ["stem", "fc"]))
    assert list(scores) == ["stem", "fc"]
    assert all(torch.equal(scores[name], weights(network)[name].abs()) for name in scores)


def test_no_data_are_looked_at(network: EarlyExitNetwork) -> None:
    def forbidden() -> object:
        raise AssertionError("magnitude read a batch")
        yield

    Magnitude().score(a_context(network, ["fc"], forbidden()))  # type: ignore[arg-type]
