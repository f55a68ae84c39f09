"""The trade-off figure draws the curves of the table, the unpruned network's among them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
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
        assert not str(axes.collections[-1].get_label()).startswith("CoAxNN"), "these images are not CIFAR-10"
        assert lines["sequential"].get_xdata() == pytest.approx(ours["average_macs"].to_numpy() / 1e6)


def test_what_others_published_stands_where_the_table_has_it(digits_tables: Path, tmp_path: Path) -> None:
    shutil.copytree(digits_tables, tmp_path / "tables")
    rows = [("CoAxNN, first", 0.9341, 8e7, "test images"), ("CoAxNN, base", 0.9415, 1.25e8, "nothing")]
    pd.DataFrame(rows, columns=["network", "accuracy", "macs", "chosen_on"]).to_csv(
        tmp_path / "tables" / "neighbours.csv", index=False
    )
    for axes in tradeoff.draw(tmp_path / "tables", EVALUATE).axes:
        drawn = {cloud.get_label(): np.asarray(cloud.get_offsets())[0].tolist() for cloud in axes.collections}
        assert drawn["CoAxNN, first, chosen on test images"] == pytest.approx([80, 0.9341])
        assert drawn["CoAxNN, base"] == pytest.approx([125, 0.9415])
