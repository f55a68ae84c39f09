"""The figure of exit rates: shares stacked to all images, on an axis that ends where nothing happens any more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from exitprune.reporting.figures import exit_rates
from tests.synthetic import EVALUATE


def test_shares_of_images_are_stacked_up_to_all_of_them(digits_tables: Path) -> None:
    axes = exit_rates.draw(digits_tables, EVALUATE).axes[0]
    assert len(axes.collections) == 7
    assert axes.collections[6].get_paths()[0].get_extents().ymax == pytest.approx(1)


def test_the_axis_ends_where_hardly_any_image_leaves_early(digits_tables: Path) -> None:
    left, right = exit_rates.draw(digits_tables, EVALUATE).axes[0].get_xlim()
    rates = pd.read_csv(digits_tables / "exit_rates.csv").query("state == 'final' and exit < 6")
    beyond = rates[rates["threshold"] > 1 - 10.0**-right]
    assert left == 0
    assert beyond["exit_rate"].max() <= 0.005
    assert rates.loc[rates["threshold"] < 1 - 10.0 ** -(right - 1), "exit_rate"].max() > 0.005 or right == 1


def test_each_panel_marks_the_thresholds_chosen_for_its_order(digits_tables: Path) -> None:
    chosen = pd.read_csv(digits_tables / "operating_points.csv").query("state == 'final' and choice == 'cheapest'")
    for axes, recipe in zip(exit_rates.draw(digits_tables, EVALUATE).axes, ("joint", "sequential"), strict=False):
        shown = sorted(float(np.asarray(line.get_xdata())[0]) for line in axes.get_lines())
        assert shown == pytest.approx(sorted(-np.log10(1 - chosen.loc[chosen["recipe"] == recipe, "threshold"])))
