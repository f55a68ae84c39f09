"""What counted savings are worth on a clock: accuracy against MACs and against measured milliseconds, the same points."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.deployment.measured_times import read_measured
from exitprune.reporting.drawing import NothingToDraw, in_percent, legend_above, new_figure, over
from exitprune.reporting.formatting import millions, percent
from exitprune.reporting.looks import PALETTE

PLACE = 11
TITLE = "Counted and measured"
CAPTION = (
    "Test accuracy against average MACs of the weights that are not zero (first panel) and against measured time (others): the "
    "same networks, the same thresholds, chosen on validation images. A line that moves right from the first panel to another "
    "saves less time than it saves MACs. Plain networks had the epochs of the base network, or as many as their name says; "
    "pruned ones those of their rounds as well."
)
TABLES = ("../inference",)
RUNTIMES = {"onnxruntime": "onnxruntime", "sparse": "sparse kernels", "int8": "onnxruntime, eight bits"}
"""A panel for each that was timed, with its title; the first always is."""
MAIN = "batch == 64 and threads == 1"
HOW = "batches of 64, one thread"
MARKERS = "osD^v<>PX*hp"
FILLED = ("white", "0.75", "0.25")
"""Plain networks by the dozen, as there are no more markers."""


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A line per network over its thresholds; a plain network is a point."""
    table = _read(tables)
    timed = _timed(table)
    figure = new_figure(4.8 if len(timed) == 1 else 8.4)
    rows = 1 if len(timed) == 1 else 2
    counted, *clocks = figure.subplots(rows, 2, sharey=True, squeeze=False).flatten()[: 1 + len(timed)]
    for spare in figure.axes[1 + len(timed) :]:
        spare.remove()
    panels = [(counted, timed[0], "macs", 1e6)] + [
        (axes, runtime, "ms", 1.0) for axes, runtime in zip(clocks, timed, strict=True)
    ]
    networks = _means(table, timed[0])["network"].unique()
    for axes, runtime, column, scale in panels:
        means = _means(table, runtime)
        for place, network in enumerate(networks):
            points = means[means["network"] == network].sort_values("macs")
            is_plain = len(points) == 1
            axes.plot(
                points[column] / scale,
                points["accuracy"],
                color="0.25" if is_plain else PALETTE[place % len(PALETTE)],
                marker=MARKERS[place % len(MARKERS)],
                markerfacecolor=FILLED[place // len(MARKERS) % len(FILLED)] if is_plain else None,
                linestyle="none" if is_plain else "-",
                markersize=6 if is_plain else 4,
                label=str(network),
            )
        axes.set(xlabel=f"milliseconds per image ({HOW})", xlim=(0, None), title=RUNTIMES[runtime])
    counted.set(xlabel="average MACs per image, millions", title="counted")
    for axes in clocks:  # so that what a runtime saves is seen, too
        axes.set_xlim(0, 1.04 * table["ms"].max())
    for axes in (counted, *clocks[1::2]):
        axes.set_ylabel("test accuracy")
    in_percent(counted)
    legend_above(figure, *counted.get_legend_handles_labels())
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged, and how it was timed."""
    table = _read(tables)
    return f"Times: {HOW}, of the processor, on {'; '.join(table['machine'].unique())}. {over(table['seed'].nunique())}"


def alt(tables: Path, evaluate: Evaluate) -> str:
    """Both ends of every line."""
    table, said = _read(tables), []
    for runtime in _timed(table):
        for network, part in _means(table, runtime).groupby("network", sort=False):
            ends = part.sort_values("macs").iloc[[0, -1]].drop_duplicates().to_dict("records")
            numbers = [
                f"{percent(end['accuracy'])} % at {millions(end['macs'])} million MACs and {end['ms']:.3g} ms"
                for end in ends
            ]
            said.append(f"{network}, {RUNTIMES[runtime]}: {' to '.join(numbers)}")
    return "A line for each network, over MACs and over milliseconds. " + "; ".join(said) + "."


def _read(tables: Path) -> pd.DataFrame:
    measured = read_measured(tables)
    if measured is None or measured.query(f"{MAIN} and runtime == 'onnxruntime'").empty:
        raise NothingToDraw("these networks have not been timed by make bench-inference")
    found = measured.query(MAIN)
    return found.assign(network=found["network"].str.removesuffix(", int8"))


def _timed(table: pd.DataFrame) -> list[str]:
    there = set(table["runtime"])
    return [runtime for runtime in RUNTIMES if runtime in there]


def _means(table: pd.DataFrame, runtime: str) -> pd.DataFrame:
    table = table[table["runtime"] == runtime]
    grouped = table.groupby(["network", "choice"], sort=False)[["accuracy", "macs", "ms"]]
    every_seed = grouped.size() == table["seed"].nunique()  # a limit that one seed cannot keep has no mean over seeds
    return grouped.mean()[every_seed].reset_index()
