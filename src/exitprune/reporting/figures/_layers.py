"""Axes with one place per layer, broken into rows so that every layer's name can be read."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PER_ROW = 32


def height_of(layers: pd.DataFrame) -> float:
    """Inches that a figure of these layers needs."""
    return 0.8 + 2.9 * math.ceil(int(layers["position"].max()) / PER_ROW)


def layer_axes(figure: Figure, layers: pd.DataFrame) -> Iterator[tuple[Axes, pd.Series]]:
    """Rows of axes with names below, exit heads in bold on grey.

    Args:
        figure: to draw into.
        layers: position, layer, group; a row per layer.

    Yields:
        The axes of a row and the positions it shows.
    """
    layers = layers.sort_values("position")
    num_rows = math.ceil(len(layers) / PER_ROW)
    per_row = math.ceil(len(layers) / num_rows)
    axes_of_rows = figure.subplots(num_rows, 1, sharey=True, squeeze=False)[:, 0]
    for row, axes in enumerate(axes_of_rows):
        part = layers.iloc[row * per_row : (row + 1) * per_row]
        axes.set_xticks(part["position"], part["layer"], rotation=90, fontsize=8.5)
        axes.set_xlim(part["position"].iloc[0] - 0.6, part["position"].iloc[0] + per_row - 0.4)
        axes.grid(axis="x", visible=False)
        for tick, position, group in zip(axes.get_xticklabels(), part["position"], part["group"], strict=True):
            if group == "exits":
                tick.set_fontweight("bold")
                axes.axvspan(position - 0.5, position + 0.5, color="0.9", zorder=0)
        yield axes, part["position"]
    axes_of_rows[-1].set_xlabel("prunable layer in order of execution (exit heads in bold, on grey)")
