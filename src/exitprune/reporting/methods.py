"""The figure of all methods at one share: a row for each, what it reaches in either order, what joint gains, what is left."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exitprune.evaluation.methods import MEASURES, ORDERS
from exitprune.reporting.drawing import UNPRUNED, WIDTH, Percent
from exitprune.reporting.formatting import interval, percent, points, share
from exitprune.reporting.looks import LOOKS
from exitprune.reporting.method_words import Method

CAPTION = (
    "A row for each method, by when it prunes. Left: test accuracy after recovery, mean over seeds; filled circles: everything "
    "at once (joint), hollow squares: first the base network, then the exits (sequential). A dagger: another share is gone than "
    "was to go. Middle: joint less sequential, paired by seed, with its interval over seeds and test images; in colour where it "
    "leaves 0 out, filled where it does after Holm's correction too; an interval that ends in an arrow goes on. Right: "
    "multiply-accumulates that are left, as a share of the unpruned network's."
)
BEFORE, AS_LONG = "nothing pruned, before any round", "nothing pruned, as many epochs"
"""Networks that those that are pruned are held against."""
NAMES = {"classifier": "classifier", "early_exits": "early exits, mean"}
WHEN = {"initialization": "before training", "early": "early in training", "trained": "after training"}
LINES = {BEFORE: ":", AS_LONG: "--"}
GREY = "0.35"
REACH = 4
"""An interval further out than the outermost difference by so many of the median half width is cut off."""
ROW = 0.21
"""Inches."""


def title(gone: float, data: str) -> str:
    """Of the figure at a share, of images that are called so."""
    return f"Every method in both orders, {share(gone)} % to go, on {data}"


def draw(
    means: pd.DataFrame,
    differences: pd.DataFrame,
    methods: Mapping[str, Method],
    unpruned: Mapping[str, Mapping[str, float]],
    labels: Mapping[str, str],
) -> Figure:
    """Five panels that share their rows.

    Args:
        means: as `evaluation.methods.means` gives them, of one share.
        differences: as `evaluation.methods.differences` gives them, of the same.
        methods: in the order of the rows; those without numbers have none.
        unpruned: accuracy of the networks with nothing pruned (`BEFORE`, `AS_LONG`), each by measure.
        labels: of the rows, by method.
    """
    there = [one for one in methods.values() if one.name in set(means["method"])]
    rows: list[tuple[str, bool]] = []
    for when, of_when in groupby(there, key=lambda one: one.when):
        rows += [(WHEN[when], True), *((one.name, False) for one in of_when)]
    places = {name: -place for place, (name, is_heading) in enumerate(rows) if not is_heading}
    figure = Figure(figsize=(WIDTH, 1.1 + ROW * len(rows)), layout="constrained")
    left, right, *gains, macs = figure.subplots(1, 5, sharey=True, width_ratios=[3, 3, 3, 3, 2])
    for axes, measure in zip((left, right), MEASURES, strict=True):
        _values(axes, means, measure, places)
        for what, accuracy in unpruned.items():
            axes.axvline(accuracy[measure], **{**UNPRUNED, "linestyle": LINES[what], "label": what})
        axes.set_title(f"{NAMES[measure]}:\nboth orders")
        axes.set_xlabel("test accuracy")
        axes.xaxis.set_major_formatter(Percent(1))
        low, high = axes.get_xlim()
        axes.set_xlim(right=min(max(high, *(of[measure] + 0.03 * (high - low) for of in unpruned.values())), 1.01))
    for axes, measure in zip(gains, MEASURES, strict=True):
        _gains(axes, differences[differences["measure"] == measure], places)
        axes.set_title(f"{NAMES[measure]}:\njoint \N{MINUS SIGN} sequential")
    shares = means.assign(left=means["macs"] / means["macs_dense"])
    _values(macs, shares, "left", places)
    macs.set_title("MACs left:\nboth orders")
    macs.set_xlabel("share")
    macs.xaxis.set_major_formatter(Percent(1))
    macs.set_xlim(0, 1.08 * shares["left"].max())
    left.set_yticks([-place for place in range(len(rows))], [labels.get(name, name) for name, _ in rows])
    for label, (_, is_heading) in zip(left.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if is_heading else "normal")
    left.set_ylim(-len(rows) + 0.4, 0.6)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def alt(means: pd.DataFrame, differences: pd.DataFrame) -> str:
    """Every method's accuracy in both orders, and what joint gains."""
    said = []
    for row in differences[differences["measure"] == MEASURES[0]].to_dict("records"):
        mine = means[means["method"] == row["method"]].to_dict("records")
        accuracies = ", ".join(f"{one['order']} {percent(one['classifier'])} %" for one in mine)
        gain = f"{points(row['difference'])} ({interval(row['low'], row['high'])})"
        said.append(f"{row['method']}: {accuracies}, {gain}")
    return "Markers in rows. Classifier, by method: " + "; ".join(said) + "."


def _values(axes: Axes, table: pd.DataFrame, column: str, places: Mapping[str, int]) -> None:
    for order in ORDERS:
        look, part = LOOKS[order], table[table["order"] == order]
        filled = {"fillstyle": "full"} if order == ORDERS[0] else {"fillstyle": "none", "markeredgewidth": 1.4}
        axes.plot(
            part[column],
            [places[method] for method in part["method"]],
            linestyle="none",
            color=look.colour,
            marker=look.marker,
            markersize=5,
            label=order,
            **filled,
        )


def _gains(axes: Axes, table: pd.DataFrame, places: Mapping[str, int]) -> None:
    reach = REACH * (table["high"] - table["low"]).median() / 2
    ends = (table["difference"].min() - reach, table["difference"].max() + reach)
    for row in table.dropna(subset="difference").to_dict("records"):
        colour = LOOKS[row["better"]].colour if row["better"] in LOOKS else GREY
        place = places[row["method"]]
        low, high = max(row["low"], ends[0]), min(row["high"], ends[1])
        axes.plot([100 * low, 100 * high], [place, place], color=colour, linewidth=1.4)
        for end, is_cut, arrow in ((low, row["low"] < low, "<"), (high, row["high"] > high, ">")):
            if is_cut:
                axes.plot(100 * end, place, color=colour, marker=arrow, markersize=5)
        style = {"fillstyle": "full"} if row["holds"] else {"fillstyle": "none", "markeredgewidth": 1.4}
        axes.plot(100 * row["difference"], place, color=colour, marker="D", markersize=4.5, **style)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_xlabel("points")
