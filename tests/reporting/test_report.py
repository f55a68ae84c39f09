"""The report: what is worked out for it."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from exitprune.reporting.report import few_seeds, read_jobs


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
