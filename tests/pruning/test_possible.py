"""A network that has nothing to prune as asked is refused before any job."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from exitprune.config.params import Params
from exitprune.config.study import resolve
from exitprune.errors import BadInput
from exitprune.pruning import possible
from exitprune.pruning.possible import check_network

ROOT = Path(__file__).parents[2]


def params(**values: object) -> Params:
    given = yaml.safe_load((ROOT / "params.yaml").read_text())
    return resolve({**given, "study": "smoke", **values}, ROOT / "presets")


@pytest.mark.parametrize("granularity", ["weight", "filter"])
def test_a_network_that_has_such_units_passes(granularity: str) -> None:
    check_network(params(granularity=granularity), (1, 8, 8), 10)


@pytest.mark.slow
def test_one_of_torchvision_has_filters_that_may_go() -> None:
    model = {"architecture": "torchvision", "name": "shufflenet_v2_x0_5", "exits": ["stage2", "stage3"], "pool": 1}
    check_network(params(granularity="filter", model=model), (3, 32, 32), 10)


def test_one_that_has_none_is_refused_with_the_recipe_and_the_exits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exitprune.pruning.filters.filters_of", lambda network: {})
    with pytest.raises(BadInput, match="recipe joint: granularity filter: ResNet-8 with exits after 1, 2 has nothing"):
        check_network(params(granularity="filter"), (1, 8, 8), 10)


def test_weights_need_no_look_at_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(possible, "EarlyExitNetwork")
    check_network(params(granularity="weight"), (1, 8, 8), 10)
