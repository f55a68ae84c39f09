"""The figure of all methods: accuracy against the operations that are left, and what pruning everything at once gains."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exitprune.evaluation.methods import MEASURES
from exitprune.reporting.figures._looks import PALETTE
from exitprune.reporting.figures._style import WIDTH, in_percent

TITLE = "Every method in both orders"
CAPTION = (
    "Above: test accuracy after recovery against multiplications with weights that are not zero, mean over seeds; filled: joint, "
    "hollow: sequential. Below: joint less sequential in points, paired by seed, with its interval."
)
NAMES = {"classifier": "classifier", "early_exits": "mean of the early exits"}
MARKERS = "osD^v"


def draw(means: pd.DataFrame, differences: pd.DataFrame) -> Figure:
    """Two panels of accuracy over two of differences.

    Args:
        means: as `evaluation.methods.means` gives them.
        differences: as `evaluation.methods.differences` gives them.
    """
    methods = list(dict.fromkeys(means["method"]))
    looks = {name: (PALETTE[i % 10], MARKERS[i // 10 % len(MARKERS)]) for i, name in enumerate(methods)}
    lines = len(differences) // len(MEASURES)
    figure = Figure(figsize=(WIDTH, 6 + 0.2 * lines), layout="constrained")
    grid = figure.subplots(2, 2, height_ratios=[4, max(0.2 * lines, 1)], sharey="row")
    for axes, measure in zip(grid[0], MEASURES, strict=True):
        _accuracies(axes, means, measure, looks)
        axes.set_title(NAMES[measure])
    grid[0][0].set_ylabel("test accuracy")
    in_percent(grid[0][0])
    for axes, measure in zip(grid[1], MEASURES, strict=True):
        _gains(axes, differences[differences["measure"] == measure], looks)
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="outside upper center", ncols=6)
    return figure


def _accuracies(axes: Axes, means: pd.DataFrame, measure: str, looks: dict[str, tuple[str, str]]) -> None:
    for (method, order), part in means.groupby(["method", "order"], sort=False):
        colour, marker = looks[str(method)]
        filled = {"fillstyle": "full", "label": method} if order == "joint" else {"fillstyle": "none"}
        ranked = part.sort_values("macs")
        axes.plot(ranked["macs"] / 1e6, ranked[measure], color=colour, marker=marker, linewidth=0.7, **filled)
    axes.set_xlabel("million MACs per image that are not of zeros")


def _gains(axes: Axes, part: pd.DataFrame, looks: dict[str, tuple[str, str]]) -> None:
    upwards = part.iloc[::-1]
    middle, low, high = (100 * upwards[column].to_numpy() for column in ("difference", "low", "high"))
    for place, method in enumerate(upwards["method"]):
        colour, marker = looks[str(method)]
        axes.plot([low[place], high[place]], [place, place], color=colour)
        axes.plot(middle[place], place, color=colour, marker=marker)
    axes.axvline(0, color="0.35", linewidth=0.8)
    names = [f"{method}, {gone:g}" for method, gone in zip(upwards["method"], upwards["gone"], strict=True)]
    axes.set_yticks(range(len(part)), names)
    axes.set_xlabel("joint less sequential, points")
