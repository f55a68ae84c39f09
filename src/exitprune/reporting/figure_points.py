"""Where the values of a figure lie in its picture, so that a page can show the one under the pointer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, PercentFormatter

MOST = 80
"""Points kept of a curve; a pointer does not tell more apart."""

Places = npt.NDArray[np.float64]


def points_of(figure: Figure) -> list[dict[str, Any]]:
    """Every curve, cloud, row of bars and grid of cells with its points.

    Returns:
        panel (title of the axes), name (as in the legend), at: a list of [x, y, text of x, text of y], where x and y are
        shares of the picture's width and height from its upper left corner.
    """
    figure.draw_without_rendering()  # so that everything has found its place
    series = []
    for axes in figure.axes:
        for name, data, values in _series(axes):
            at = [
                [*place, _shown(axes.xaxis, x), _shown(axes.yaxis, y) if value is None else value]
                for place, (x, y), value in zip(_shares(figure, axes, data), data, values, strict=True)
            ]
            if at:
                panel = axes.get_title().replace("\n", " ")
                series.append({"panel": panel, "name": "" if name.startswith("_") else name, "at": at})
    return series


def _series(axes: Axes) -> Iterator[tuple[str, Places, list[str | None]]]:
    """Name, (P, 2) points in data coordinates, and what to say of each instead of its y."""
    for line in axes.get_lines():
        if line.get_transform() == axes.transData and line.get_marker() not in ("_",):
            data = np.column_stack([np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)])
            data = data[np.isfinite(data).all(axis=1)]
            step = -(-len(data) // MOST) or 1
            yield str(line.get_label()), data[::step], [None] * len(data[::step])
    for container in axes.containers:
        if isinstance(container, BarContainer):
            bars = [bar for bar in container if isinstance(bar, Rectangle)]
            data = np.array([(bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height()) for bar in bars])
            yield str(container.get_label()), data.reshape(-1, 2), [None] * len(bars)
    for drawn in axes.collections:
        if isinstance(drawn, PathCollection):
            data = np.asarray(drawn.get_offsets(), float)
            yield str(drawn.get_label()), data, [None] * len(data)
        elif isinstance(drawn, QuadMesh):
            corners, cells = np.asarray(drawn.get_coordinates()), np.asarray(drawn.get_array())
            centres = (corners[:-1, :-1] + corners[1:, 1:]) / 2
            centres = centres.reshape(-1, 2)
            name = axes.get_ylabel() or "row"
            said: list[str | None] = [
                f"{name} {y:.0f}: {100 * value:.1f} %" for (_, y), value in zip(centres, cells.ravel(), strict=True)
            ]
            yield "", centres, said


def _shares(figure: Figure, axes: Axes, data: Places) -> list[list[float]]:
    if not len(data):
        return []
    pixels = axes.transData.transform(data)
    shares = pixels / np.array([figure.bbox.width, figure.bbox.height])
    return [[round(float(x), 4), round(1 - float(y), 4)] for x, y in shares]


def _shown(axis: Axis, value: float) -> str:
    """A value as the axis writes it."""
    formatter, locator = axis.get_major_formatter(), axis.get_major_locator()
    if isinstance(formatter, PercentFormatter):
        return f"{100 * value:.1f} %"
    if isinstance(formatter, FixedFormatter) and isinstance(locator, FixedLocator):
        places = [float(place) for place in locator.tick_values(0, 0)]
        return str(formatter.seq[int(np.argmin(np.abs(np.array(places) - value)))]).replace("\n", ", ")
    if isinstance(formatter, FuncFormatter):
        written = str(formatter(value, 0)).partition("\n")[0]  # what stands below it is of one series
        return written or f"{value:.4g}"  # between two ticks that have names
    return f"{value:.4g}"
