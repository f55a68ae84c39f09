"""What counted savings are worth on a clock: accuracy against MACs and against measured milliseconds, the same points."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.deployment.measured_times import read_measured
from exitprune.reporting.figures._style import PALETTE, empty_figure, in_percent, new_figure

PLACE = 8
TITLE = "Counted and measured"
CAPTION = (
    "Test accuracy against average MACs of the weights that are not zero (left) and against measured time (right): the same "
    "networks, the same thresholds, chosen on validation images; mean over seeds. Batches of 64, onnxruntime, one thread. A line "
    "that moves right from one panel to the other saves less time than it saves MACs. Plain networks had the epochs of the base "
    "network, pruned ones those of their rounds as well."
)
MAIN = "runtime == 'onnxruntime' and batch == 64 and threads == 1"
MARKERS = "osD^v<>PX*hp"


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A line per network over its thresholds; a plain network is a point."""
    measured = read_measured(tables)
    if measured is None:
        return empty_figure("these networks have not been timed by make bench-inference")
    table = measured.query(MAIN)
    grouped = table.groupby(["network", "choice"], sort=False)[["accuracy", "macs", "milliseconds"]]
    every_seed = grouped.size() == table["seed"].nunique()  # a limit that one seed cannot keep has no mean over seeds
    means = grouped.mean()[every_seed].reset_index()
    figure = new_figure(4.8)
    left, right = figure.subplots(1, 2, sharey=True)
    for place, (network, part) in enumerate(means.groupby("network", sort=False)):
        points = part.sort_values("macs")
        is_plain = len(points) == 1
        for axes, cost, scale in ((left, points["macs"], 1e6), (right, points["milliseconds"], 1)):
            axes.plot(
                cost / scale,
                points["accuracy"],
                color="0.25" if is_plain else PALETTE[place % len(PALETTE)],
                marker=MARKERS[place % len(MARKERS)],
                markerfacecolor="white" if is_plain else None,
                linestyle="none" if is_plain else "-",
                markersize=6 if is_plain else 4,
                label=str(network),
            )
    left.set(xlabel="average MACs per image, millions", ylabel="test accuracy", xlim=(0, None))
    right.set(xlabel="milliseconds per image", xlim=(0, None))
    in_percent(left)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure
