"""What tells the schedules apart, by numbers worked out by hand."""

from __future__ import annotations

import pytest

from exitprune.pruning.schedules.geometric import Geometric
from exitprune.pruning.schedules.linear import Linear
from exitprune.pruning.schedules.one_shot import OneShot


def test_linear_removes_the_same_number_in_every_round() -> None:
    assert Linear().kept_shares(4, 0.8) == pytest.approx([0.8, 0.6, 0.4, 0.2])


def test_geometric_keeps_the_same_share_of_what_is_left() -> None:
    assert Geometric().kept_shares(3, 0.875) == pytest.approx([0.5, 0.25, 0.125])


def test_one_shot_removes_everything_in_the_first_round() -> None:
    assert OneShot().kept_shares(3, 0.75) == [0.25, 0.25, 0.25]
