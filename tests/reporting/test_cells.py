"""Cells of tables, from tables that are made up."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from exitprune.reporting.claim_tables import scatter_rows
from exitprune.reporting.figure_points import points_of
from exitprune.reporting.formatting import NOTHING
from exitprune.reporting.tables import emptied_table


def test_what_cannot_be_taken_apart_is_no_nan() -> None:
    counts = {"empty_filters": 4, "filters": 8, "empty_channels": 0, "channels": 8, "macs_dense": 100}
    whole = {"recipe": "joint", "seed": 0, "level": 1, "name": "level-01", "state": "final", **counts}
    apart = {"empty_branches": math.nan, "branches": math.nan, "macs_after_removal": math.nan}
    table = emptied_table(pd.DataFrame([{**whole, **apart}]))
    assert table is not None
    assert table[1] == [["joint", "1", "50.0", "0.0", NOTHING, NOTHING, NOTHING]]


@pytest.mark.parametrize(
    ("unit", "told"), [("points", ["10.0", "5.0", "0.0", "10.0"]), ("percent", ["10.5 %", "5.1 %", "0.0 %", "15.5 %"])]
)
def test_scatter_of_costs_is_of_logarithms(unit: str, told: list[str]) -> None:
    row = {"label": "cost", "against": "ordered", "state": "final", "unit": unit, "low": -0.4, "high": -0.2}
    (cells,) = scatter_rows([{**row, "std_seeds": 0.1, "std_images": 0.05, "std_rest": 0.0}])
    assert cells[1:] == told


def test_a_point_is_told_as_its_axis_writes_it() -> None:
    figure, axes = plt.subplots()
    axes.plot([1.0, 2.0], [0.05, -0.05])
    axes.yaxis.set_major_formatter(lambda value, place: f"{100 * value:+.1f}")
    axes.set_xticks([1.0, 2.0], ["exit 1\nmore", "exit 2"])
    (series,) = points_of(figure)
    plt.close(figure)
    assert [shown for _, _, *shown in series["at"]] == [["exit 1", "+5.0"], ["exit 2", "-5.0"]]
