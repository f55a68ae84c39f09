"""What counted savings are worth on a clock: accuracy against MACs and against measured milliseconds, the same points."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.deployment.measured_times import read_measured
from exitprune.reporting.figures._looks import PALETTE
from exitprune.reporting.figures._style import NothingToDraw, in_percent, new_figure, over
from exitprune.reporting.formatting import millions, percent

PLACE = 11
TITLE = "Counted and measured"
CAPTION = (
    "Test accuracy against average MACs of the weights that are not zero (left) and against measured time (right): the same "
    "networks, the same thresholds, chosen on validation images. A line that moves right from one panel to the other saves less "
    "time than it saves MACs. Plain networks had the epochs of the base network, pruned ones those of their rounds as well."
)
TABLES = ("../inference",)
MAIN = "runtime == 'onnxruntime' and batch == 64 and threads == 1"
HOW = "onnxruntime, batches of 64, one thread"
MARKERS = "osD^v<>PX*hp"


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A line per network over its thresholds; a plain network is a point."""
    table = _read(tables)
    means = _means(table)
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
    left.set(xlabel="average MACs per image, millions", ylabel="test accuracy", xlim=(0, None), title="counted")
    right.set(
        xlabel=textwrap.fill(f"milliseconds per image ({HOW}; {_machine(table)})", 62), xlim=(0, None), title="measured"
    )
    in_percent(left)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged, and how it was timed."""
    table = _read(tables)
    return f"Times: {HOW}, on {_machine(table)}. {over(table['seed'].nunique())}"


def alt(tables: Path, evaluate: Evaluate) -> str:
    """Both ends of every line."""
    said = []
    for network, part in _means(_read(tables)).groupby("network", sort=False):
        ends = part.sort_values("macs").iloc[[0, -1]].drop_duplicates().to_dict("records")
        said.append(
            f"{network}: "
            + " to ".join(
                f"{percent(end['accuracy'])} % at {millions(end['macs'])} million MACs and {end['milliseconds']:.3g} ms"
                for end in ends
            )
        )
    return "Two panels with a line for each network, over MACs and over milliseconds. " + "; ".join(said) + "."


def _read(tables: Path) -> pd.DataFrame:
    measured = read_measured(tables)
    if measured is None or measured.query(MAIN).empty:
        raise NothingToDraw("these networks have not been timed by make bench-inference")
    return measured.query(MAIN)


def _machine(table: pd.DataFrame) -> str:
    return "; ".join(table["machine"].unique())


def _means(table: pd.DataFrame) -> pd.DataFrame:
    grouped = table.groupby(["network", "choice"], sort=False)[["accuracy", "macs", "milliseconds"]]
    every_seed = grouped.size() == table["seed"].nunique()  # a limit that one seed cannot keep has no mean over seeds
    return grouped.mean()[every_seed].reset_index()
