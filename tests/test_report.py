"""The report: how numbers are written, and that a page holds all it must and needs nothing else."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from exitprune.report import duration, few_seeds, millions, percent, points, read_jobs, signed, with_spread


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


def test_how_little_three_seeds_can_show_is_what_the_t_distribution_says() -> None:
    three = few_seeds(3, 0.95)
    low, high = stats.t.interval(0.95, 2, scale=1 / 3**0.5)
    assert three["width"] == pytest.approx((high - low) / 2)
    assert three["samples"] == 10  # aaa bbb ccc aab aac bba bbc cca ccb abc
    assert few_seeds(1, 0.95)["width"] == math.inf


def test_jobs_are_read_from_snakemakes_benchmarks_in_alphabetical_order(tmp_path: Path) -> None:
    for name, seconds, memory in (("prune-seed0-joint", "33.4156", "612.31"), ("base-seed0", "0.5", "-")):
        row = f"{seconds}\t0:00:33\t{memory}\t2000.1\n"
        (tmp_path / f"{name}.tsv").write_text("s\th:m:s\tmax_rss\tmax_vms\n" + row)
    first, second = read_jobs([tmp_path / "prune-seed0-joint.tsv", tmp_path / "base-seed0.tsv"])
    assert (second["name"], second["seconds"], second["megabytes"]) == ("prune-seed0-joint", 33.4156, 612.31)
    assert first["name"] == "base-seed0"
    assert pd.isna(first["megabytes"])
