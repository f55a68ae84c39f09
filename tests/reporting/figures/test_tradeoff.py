"""The trade-off figure draws the curves of the table, the unpruned network's among them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from exitprune.reporting.figures import tradeoff
from tests.synthetic import EVALUATE


def test_each_panel_has_the_unpruned_curve_and_one_per_order(digits_tables: Path) -> None:
    table = pd.read_csv(digits_tables / "tradeoff.csv")
    for axes, state in zip(tradeoff.draw(digits_tables, EVALUATE).axes, ("final", "recovered"), strict=True):
        lines = {line.get_label(): line for line in axes.get_lines()}
        assert list(lines) == ["unpruned", "joint", "sequential"]
        ours = table.query(f"state == '{state}' and recipe == 'sequential'")
        assert lines["sequential"].get_ydata() == pytest.approx(ours["accuracy"].to_numpy())
        assert lines["sequential"].get_xdata() == pytest.approx(ours["average_macs"].to_numpy() / 1e6)
