"""The two figures with a bar per layer show what the tables say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer

from exitprune.reporting.figures import (
    change_by_pruning,
    cost_at_equal_accuracy,
    exit_accuracy,
    layer_sparsity,
    layer_sparsity_difference,
    tradeoff,
)
from tests.synthetic import EVALUATE


def containers(axes: list[Axes]) -> list[BarContainer]:
    return [container for one in axes for container in one.containers if isinstance(container, BarContainer)]


def by_place(axes: list[Axes]) -> dict[int, float]:
    """Height of the bar over each position."""
    there = [bar for container in containers(axes) for bar in container]
    return {round(bar.get_x() + bar.get_width() / 2): float(bar.get_height()) for bar in there}


def by_recipe(axes: list[Axes]) -> dict[str, list[float]]:
    """Heights of the bars that a legend calls so, in order."""
    found: dict[str, list[float]] = {}
    for container in containers(axes):
        found.setdefault(str(container.get_label()), []).extend(bar.get_height() for bar in container)
    return found


def names(axes: list[Axes]) -> list[str]:
    return [label.get_text() for one in axes for label in one.get_xticklabels()]


def test_every_layer_has_a_bar_per_order_and_its_name(digits_tables: Path) -> None:
    figure = layer_sparsity.draw(digits_tables, EVALUATE)
    table = pd.read_csv(digits_tables / "layers_mean.csv")
    assert by_recipe(figure.axes) == {
        recipe: pytest.approx(part["sparsity"].tolist()) for recipe, part in table.groupby("recipe")
    }
    assert names(figure.axes) == table.query("recipe == 'joint'")["layer"].tolist()


def test_exit_heads_are_bold_and_nothing_else_is(digits_tables: Path) -> None:
    figure = layer_sparsity.draw(digits_tables, EVALUATE)
    bold = [label for axes in figure.axes for label in axes.get_xticklabels() if label.get_fontweight() == "bold"]
    assert [label.get_text() for label in bold] == [f"exit{number}" for number in range(6)]


def test_every_layer_has_a_bar_for_its_difference(digits_tables: Path) -> None:
    figure = layer_sparsity_difference.draw(digits_tables, EVALUATE)
    table = pd.read_csv(digits_tables / "layers_difference.csv")
    assert by_place(figure.axes) == pytest.approx(table.set_index("position")["difference"].to_dict())


def papers_points(axes: list[Axes], marker: object) -> list[float]:
    return [
        float(value)
        for one in axes
        for line in one.get_lines()
        if line.get_marker() == marker and line.get_color() == "black"
        for value in np.asarray(line.get_ydata())
    ]


def test_the_papers_values_are_drawn_on_its_own_data_alone(cifar10_tables: Path, digits_tables: Path) -> None:
    table = pd.read_csv(cifar10_tables / "paper_comparison.csv").query("quantity == 'layer sparsity'")
    shown = papers_points(layer_sparsity.draw(cifar10_tables, EVALUATE).axes, "_")
    assert sorted(shown) == sorted(table["paper"])
    assert papers_points(layer_sparsity.draw(digits_tables, EVALUATE).axes, "_") == []
    differences = papers_points(layer_sparsity_difference.draw(cifar10_tables, EVALUATE).axes, "_")
    assert np.isfinite(differences).sum() == 63  # one layer is wrong on the slides
    assert papers_points(exit_accuracy.draw(cifar10_tables, EVALUATE).axes, "s")[0] == 0.526
    assert papers_points(exit_accuracy.draw(digits_tables, EVALUATE).axes, "s") == []


def test_the_papers_exits_before_and_after_its_curves_and_its_savings_are_drawn_on_its_own_data_alone(
    cifar10_tables: Path, digits_tables: Path
) -> None:
    assert 0.597 in papers_points(change_by_pruning.draw(cifar10_tables, EVALUATE).axes, "d")
    assert papers_points(change_by_pruning.draw(digits_tables, EVALUATE).axes, "d") == []
    panels = tradeoff.draw(cifar10_tables, EVALUATE).axes
    assert [len(one.get_lines()) for one in panels if one.get_title() == "the paper"] == [4]
    assert "the paper" not in [one.get_title() for one in tradeoff.draw(digits_tables, EVALUATE).axes]
    paper = [line for one in cost_at_equal_accuracy.draw(cifar10_tables, EVALUATE).axes for line in one.get_lines()]
    assert [line.get_label() for line in paper].count("paper") == 1
