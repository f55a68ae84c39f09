"""How numbers are written."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exitprune.reporting.formatting import duration, millions, percent, points, signed, with_spread


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
