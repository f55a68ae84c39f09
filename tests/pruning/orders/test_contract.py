"""The contract of every order, walked by folder, and what tells them apart."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from exitprune.config.choice import make
from exitprune.networks.groups import Group
from exitprune.pruning.orders import Round
from exitprune.pruning.orders.joint import Joint
from exitprune.pruning.orders.sequential import Sequential
from exitprune.variants import names_of

walk = pytest.mark.parametrize("order", names_of("orders"))


@walk
@pytest.mark.parametrize("num_rounds", [1, 2, 20])
def test_every_group_gets_as_many_rounds_as_any_other_and_no_more_than_asked(order: str, num_rounds: int) -> None:
    rounds: list[Round] = make("orders", order, {}).rounds(num_rounds)
    (each,) = set(Counter(round_.prune for round_ in rounds).values())
    assert 1 <= each <= num_rounds


@walk
def test_only_groups_that_exist_are_pruned_and_trained(order: str) -> None:
    for round_ in make("orders", order, {}).rounds(2):
        assert {round_.prune, round_.train} <= set(get_args(Group))


@walk
def test_every_weight_is_pruned_by_exactly_one_group(order: str) -> None:
    pruned = sorted({round_.prune for round_ in make("orders", order, {}).rounds(3)})
    assert pruned in (["all"], ["base", "exits"])


def test_joint_prunes_and_trains_everything_in_every_round() -> None:
    assert Joint().rounds(3) == [Round("all", "all")] * 3


def test_sequential_prunes_the_base_and_then_the_exits_without_moving_the_base() -> None:
    assert Sequential().rounds(2) == [Round("base", "base")] * 2 + [Round("exits", "exits")] * 2


@pytest.mark.parametrize("num_rounds", [2, 10, 20])
def test_half_of_sequential_has_as_many_rounds_as_joint(num_rounds: int) -> None:
    assert len(Sequential(budget="half").rounds(num_rounds)) == len(Joint().rounds(num_rounds))
