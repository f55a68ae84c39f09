"""EarlyCroP's trigger, on made-up ways of the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from pydantic import ValidationError

from exitprune.config.params import Params
from exitprune.config.study import resolve
from exitprune.errors import BadInput
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.pruning.starts.earlycrop import EarlyCrop
from tests.pruning.contexts import a_context, pruning

ROOT = Path(__file__).parents[3]


def fires(
    network: EarlyExitNetwork, distances: list[float], cap: int = 60, killed: bool = False, **recipe: Any
) -> int | None:
    """The epoch after which it says yes, where epoch 2 ends at the first distance, epoch 3 at the second, and so on.

    Where it is killed, that is after each epoch.
    """
    start, first = EarlyCrop(cap=cap), {name: p.detach().clone() for name, p in network.base.named_parameters()}
    context = a_context(network, **recipe)
    for epoch, distance in enumerate([0.0, 0.0, *distances]):
        for name, parameter in network.base.named_parameters():
            parameter.data.copy_(first[name] * (1 + distance))
        network.exits.requires_grad_(False)
        if start.now(context, epoch):
            return epoch
        if killed:
            state, start = start.state_dict(), EarlyCrop(cap=cap)
            start.load_state_dict(state)
    return None


@pytest.mark.parametrize(
    ("sparsity", "distances", "epoch"),
    [
        (0.5, [0.4, 0.7, 0.8], 4),  # 0.3 is not below 0.2, 0.1 is
        (0.8, [0.4, 0.7, 0.8, 0.85], 5),  # 0.1 is not below 0.08
        (0.8, [0.4, 0.39], 3),  # either way
        (0.9, [0.4, 0.5, 0.6], None),
    ],
)
@pytest.mark.parametrize("killed", [False, True])
def test_it_fires_once_the_distance_changes_less_than_tau(
    sparsity: float, distances: list[float], epoch: int | None, killed: bool, network: EarlyExitNetwork
) -> None:
    assert fires(network, distances, killed=killed, sparsity=sparsity) == epoch


def test_where_filters_go_tau_is_a_tenth_lower(network: EarlyExitNetwork) -> None:
    distances = [0.4, 0.5, 0.54]
    assert fires(network, distances, sparsity=0.7) == 3
    assert fires(network, distances, sparsity=0.7, granularity="filter") == 4


@pytest.mark.parametrize(("cap", "epoch"), [(1, 1), (3, 3)])
def test_at_the_cap_it_fires_anyway(cap: int, epoch: int, network: EarlyExitNetwork) -> None:
    assert fires(network, [1.0, 3.0, 9.0], cap=cap, sparsity=0.9) == epoch


def test_batch_norm_counts_and_exits_do_not(network: EarlyExitNetwork) -> None:
    start, context = EarlyCrop(), a_context(network)
    start.now(context, 1)
    network.exits[0].fc.weight.data.add_(5)  # type: ignore[union-attr, operator]
    start.now(context, 2)
    assert start.state_dict()["before"] == 0
    network.base.bn.weight.data.add_(1)
    start.now(context, 3)
    size = torch.cat([value.flatten() for name, value in start.state_dict().items() if "reference" in name]).norm()
    assert float(start.state_dict()["before"]) == pytest.approx(float(16**0.5 / size))


def asked(**values: object) -> Params:
    given = yaml.safe_load((ROOT / "params.yaml").read_text())
    return resolve({**given, "study": "smoke", "start": "earlycrop", **values}, ROOT / "presets")


def test_a_share_of_filters_at_which_it_can_never_fire_is_refused_before_any_job() -> None:
    asked(sparsity=0.95)
    asked(sparsity=0.8, granularity="filter")
    with pytest.raises(BadInput, match=r"can never begin to prune filters at a sparsity of 0.9; allowed: below 0.9"):
        asked(sparsity=0.9, granularity="filter")
    with pytest.raises(ValidationError, match="can never begin"):
        pruning(start="earlycrop", granularity="filter", sparsity=0.95)
