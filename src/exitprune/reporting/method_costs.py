"""The figure of all methods by cost: accuracy over what is left of the multiply-accumulates, at every share."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exitprune.evaluation.methods import MEASURES, ORDERS
from exitprune.reporting.drawing import UNPRUNED, Percent, new_figure
from exitprune.reporting.formatting import percent, share
from exitprune.reporting.looks import LOOKS
from exitprune.reporting.methods import GREY, LINES, NAMES

STEP = 0.005
"""By so much a recipe is more accurate than every cheaper one, to be named."""
CAPTION = (
    "Every method and share in both orders: test accuracy after recovery over the multiply-accumulates of the whole path that "
    "are not of zeros, as a share of the unpruned network's; means over seeds. Lines: the most accurate at or below each cost, "
    f"where it is {100 * STEP:g} points ahead of all that cost less, picked on test images. Below them its name and share to go, "
    "in per cent."
)
TICKS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)


def title(data: str) -> str:
    """Of images that are called so."""
    return f"Accuracy over cost, every method in both orders, on {data}"


def draw(means: pd.DataFrame, unpruned: Mapping[str, Mapping[str, float]]) -> Figure:
    """A panel for each accuracy.

    Args:
        means: as `evaluation.methods.means` gives them.
        unpruned: accuracy of networks with nothing pruned, by what they are, each by measure.
    """
    figure = new_figure(6.2)
    panels, table = figure.subplots(1, 2), means.assign(left=means["macs"] / means["macs_dense"])
    for axes, measure in zip(panels, MEASURES, strict=True):
        for order in ORDERS:
            look, part = LOOKS[order], table[table["order"] == order]
            filled = {"fillstyle": "full", "alpha": 0.8} if order == ORDERS[0] else {"fillstyle": "none"}
            axes.plot(
                *(part["left"], part[measure]), look.marker, color=look.colour, markersize=4.5, label=order, **filled
            )
        _draw_front(axes, front(table, measure), measure)
        for what, accuracy in unpruned.items():
            axes.axhline(accuracy[measure], **{**UNPRUNED, "linestyle": LINES[what], "label": what})
        axes.set_title(NAMES[measure])
        axes.set_xscale("log")
        axes.set_xticks(TICKS, [f"{100 * tick:g}%" for tick in TICKS])
        axes.minorticks_off()
        axes.set_xlim(table["left"].min() / 1.15, 1)
        axes.set_xlabel("MACs left")
        axes.yaxis.set_major_formatter(Percent(1))
    panels[0].set_ylabel("test accuracy")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def front(table: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Rows that are more accurate than every cheaper one, by `STEP` than those of them that are here; cheapest first.

    Args:
        table: with `left`, the share of multiply-accumulates.
        measure: the accuracy to go by.
    """
    ranked, best, places = table.sort_values(["left", measure], ascending=[True, False], kind="stable"), -1.0, []
    for place, accuracy in enumerate(ranked[measure]):
        if accuracy >= best + STEP:
            best = accuracy
            places.append(place)
    return ranked.iloc[places]


def alt(means: pd.DataFrame) -> str:
    """The most accurate at or below each cost."""
    table, said = means.assign(left=means["macs"] / means["macs_dense"]), []
    for measure in MEASURES:
        told = [
            f"{called(row)}: {percent(row[measure])} at {percent(row['left'])}" for row in _rows(front(table, measure))
        ]
        said.append(f"{NAMES[measure]}, accuracy at MACs left in per cent: {', '.join(told)}")
    return "Points. Most accurate at or below each cost: " + "; ".join(said) + "."


def called(row: Mapping[str, object]) -> str:
    """A method at a share, in an order."""
    return f"{row['method']}-{row['order']} {share(float(str(row['gone'])))}"


def _rows(table: pd.DataFrame) -> list[dict[str, float]]:
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _draw_front(axes: Axes, those: pd.DataFrame, measure: str) -> None:
    axes.step(those["left"], those[measure], where="post", color=GREY, linewidth=0.9, zorder=1)
    for number, row in enumerate(_rows(those), 1):
        axes.annotate(
            str(number), (row["left"], row[measure]), (-4, 2), textcoords="offset points", ha="right", fontsize=8
        )
    told = [f"{number}  {called(row)}" for number, row in enumerate(_rows(those), 1)]
    half = (len(told) + 1) // 2
    for place, lines in ((0.0, told[:half]), (0.5, told[half:])):
        axes.text(place, -0.17, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=8.5)
