"""The study in one picture: its title is of the recipe that the page's answer is of."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from exitprune.reporting.figures import answer, cost_at_equal_accuracy
from exitprune.reporting.formatting import points
from tests.synthetic import EVALUATE


def test_the_title_is_of_the_recipe_that_is_best_on_validation_though_another_is_better_on_test(
    digits_tables: Path, tmp_path: Path
) -> None:
    tables = shutil.copytree(digits_tables, tmp_path / "tables")
    chosen = pd.read_csv(tables / "operating_points.csv")
    is_joint = chosen["recipe"] == "joint"
    chosen["validation_accuracy"] = is_joint.map({True: 0.9, False: 0.8})
    chosen["test_accuracy"] = is_joint.map({True: 0.5, False: 0.6})
    chosen.to_csv(tables / "operating_points.csv", index=False)
    unpruned = pd.read_csv(tables / "tradeoff.csv").query("state == 'unpruned' and recipe == 'joint'")
    dense = float(unpruned["accuracy"].iloc[unpruned["average_macs"].argmax()])
    titles = [axes.get_title() for axes in answer.draw(tables, EVALUATE).axes]
    assert any(title.endswith(f" fewer MACs, {points(0.5 - dense)} points of accuracy") for title in titles)


def test_a_recipe_without_an_accuracy_in_common_takes_no_other_its_look(crowded_tables: Path, tmp_path: Path) -> None:
    tables = shutil.copytree(crowded_tables, tmp_path / "tables")
    table = pd.read_csv(tables / "cost_at_equal_accuracy.csv")
    first, last = table["against"].unique()[[1, -1]]

    def colour() -> str:
        lines = cost_at_equal_accuracy.draw(tables, EVALUATE).axes[0].get_lines()
        return next(str(line.get_color()) for line in lines if line.get_label() == f"joint against {last}")

    before = colour()
    table[table["against"] != first].to_csv(tables / "cost_at_equal_accuracy.csv", index=False)
    assert colour() == before
