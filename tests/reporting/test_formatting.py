"""How numbers are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitprune.reporting.formatting import (
    counted,
    duration,
    interval,
    is_number_like,
    joined,
    millions,
    percent,
    points,
    share,
    signed,
    threshold,
    with_spread,
)


def test_numbers_are_written_as_people_read_them() -> None:
    assert percent(0.8125) == "81.2"
    assert points(-0.0123) == "\N{MINUS SIGN}1.2"
    assert points(0.0123) == "+1.2"
    assert points(-0.0001) == "0.0"
    assert millions(125_750_080) == "126"
    assert millions(1_234_567) == "1.23"
    assert [percent(math.nan), points(math.nan), millions(math.nan)] == ["\N{EN DASH}"] * 3


def test_a_spread_has_as_many_decimals_as_its_mean_and_one_seed_has_none() -> None:
    assert with_spread(1_234_567, 2_850, "millions") == "1.23 ± 0.00"
    assert with_spread(0.5, 0.0123, "percent") == "50.0 ± 1.2"
    assert with_spread(0.5, math.nan, "percent") == "50.0"


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.24, "4.2 s"), (59.96, "1 min 00 s"), (61, "1 min 01 s"), (7384, "2 h 03 min")]
)
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@given(st.floats(-2, 2), st.integers(0, 3))
def test_a_sign_stands_before_all_but_zero(value: float, decimals: int) -> None:
    text = signed(value, decimals)
    assert text[0] in "+\N{MINUS SIGN}" or float(text) == 0
    assert float(text.replace("\N{MINUS SIGN}", "-")) == pytest.approx(value, abs=0.5 * 10**-decimals + 1e-9)


@pytest.mark.parametrize(
    ("value", "read"),
    [(0, "0"), (0.20598036, "0.21"), (0.99984246, "0.99984"), (0.9999, "0.99990"), (5e-4, "0.00050"), (1, "1")],
)
def test_a_threshold_has_the_digits_that_tell_it_from_1(value: float, read: str) -> None:
    assert threshold(value) == read


def test_a_chosen_share_has_no_needless_zeros() -> None:
    assert [share(0.8), share(0.025), share(0.07)] == ["80", "2.5", "7"]


def test_an_end_of_an_interval_never_hides_on_which_side_of_0_it_lies() -> None:
    assert interval(-0.00913, 0.037) == "\N{MINUS SIGN}0.9 to +3.7"
    assert interval(-0.000004, 0.0377) == "\N{MINUS SIGN}0.0004 to +3.8"
    assert interval(0, 0) == "0.0 to 0.0"
    assert interval(math.nan, math.nan) == "\N{EN DASH}"


def test_words_are_joined_and_counted_as_in_a_sentence() -> None:
    assert [joined(["1"]), joined(["1", "2"]), joined(["1", "2", "3"])] == ["1", "1 and 2", "1, 2 and 3"]
    assert [counted(1, "seed"), counted(2000, "seed")] == ["1 seed", "2,000 seeds"]


def test_what_reads_as_a_number_is_set_as_one() -> None:
    numbers = ["81.2", "\N{MINUS SIGN}1.2", "+3.7", "1.23 ± 0.01", "\N{EN DASH}", "0.21 to 0.25"]
    assert all(map(is_number_like, numbers))
    assert not any(map(is_number_like, ["joint", "not distinguishable", "one point lost", ""]))
