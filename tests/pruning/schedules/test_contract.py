"""The contract of every schedule, walked by folder."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitprune.config.choice import make
from exitprune.variants import names_of

pytestmark = pytest.mark.parametrize("schedule", names_of("schedules"))


def kept_shares(schedule: str, rounds: int, sparsity: float) -> list[float]:
    shares: list[float] = make("schedules", schedule, {}).kept_shares(rounds, sparsity)
    return shares


@given(rounds=st.integers(1, 999), sparsity=st.floats(0, 1, exclude_max=True))
def test_shares_never_rise_stay_above_0_and_end_at_the_sparsity_exactly(
    schedule: str, rounds: int, sparsity: float
) -> None:
    shares = kept_shares(schedule, rounds, sparsity)
    assert len(shares) == rounds
    assert shares[-1] == 1 - sparsity
    assert all(0 < share <= 1 for share in shares)
    assert all(later <= earlier + 1e-15 for earlier, later in pairwise(shares))


@given(sparsity=st.floats(0, 1, exclude_max=True))
def test_with_one_round_all_schedules_are_the_same(schedule: str, sparsity: float) -> None:
    assert kept_shares(schedule, 1, sparsity) == [1 - sparsity]


def test_a_sparsity_of_0_keeps_everything(schedule: str) -> None:
    assert kept_shares(schedule, 5, 0.0) == [1.0] * 5
