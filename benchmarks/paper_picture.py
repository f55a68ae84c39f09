"""The answer of docs/paper.md in one picture, from published tables: `python -m benchmarks.paper_picture` draws docs/paper.svg.

Left: how far joint is ahead of ordered at each exit, in the paper and in our studies of its network. Middle: what joint costs at
equal accuracy. Right: what its lead at the early exits is made of, and what it saves (`benchmarks.steps`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.steps import BY_TWICE, CHAIN, FINAL, OTHER, OWN_CHAIN, RECOVERED, at_own_rates
from exitprune.evaluation import paper
from exitprune.evaluation.pairs import FIRST
from exitprune.evaluation.statistics import band
from exitprune.reporting.drawing import PAPER, in_percent, new_figure, theme
from exitprune.reporting.formatting import points
from exitprune.reporting.looks import PALETTE

RESULTS = Path(__file__).parents[1] / "results"
PICTURE = RESULTS.parent / "docs" / "paper.svg"
STUDIES = {"paper-32": "v", "paper-16": "o"}
"""Of the paper's network and both its approaches, those that are published, with their markers."""
MADE_OF = "cifar10-16"
CONFIDENCE = 0.95
TITLE = "Joint against ordered: where it is ahead, what it saves, and why"
LEAD, COST = "early_exits_accuracy", "cost_at_equal_accuracy"
PARTS = {LEAD: "The lead at the early exits, in points", COST: "MACs saved at equal accuracy, %"}
"""What is shown in parts, with its title."""
BARS = (
    ("last round", FINAL, CHAIN),
    ("… 20 rounds for each group", FINAL, BY_TWICE),
    ("recovery", RECOVERED, CHAIN),
    ("own rates, last round", FINAL, OWN_CHAIN),
    ("… 20 rounds for each group", FINAL, at_own_rates(BY_TWICE)),
    ("own rates, recovery", RECOVERED, OWN_CHAIN),
)
"""What a bar is called, of which state it is, and a whole with what it is made of, piece by piece."""
PIECES = {
    "order": ("the order of pruning", PALETTE[0], ""),
    "base": ("training the base for its exits", PALETTE[1], "//"),
    "heads": ("heads trained beforehand", PALETTE[2], "\\\\"),
}
"""Of a bar: how each is called and looks."""


def lead_by_exit(tables: Path) -> pd.DataFrame:
    """Joint minus ordered at each exit on test images after the last round: exit, difference, low, high; a fraction."""
    exits = pd.read_csv(tables / "exits.csv").query("state == @FINAL and split == 'test'")
    wide = exits.pivot(index="seed", columns=["recipe", "exit"], values="accuracy")
    each = (wide[FIRST] - wide[OTHER]).to_numpy()
    drawn = band(each, CONFIDENCE)
    return pd.DataFrame({"exit": wide[FIRST].columns, "difference": each.mean(0), "low": drawn.low, "high": drawn.high})


def cost_ratios(tables: Path) -> pd.DataFrame:
    """What joint costs as a share of ordered at each accuracy that both reach, after the last round."""
    return pd.read_csv(tables / "cost_at_equal_accuracy.csv").query("against == @OTHER and state == @FINAL")


def draw(results: Path) -> Figure:
    """The four panels."""
    figure = new_figure(4.4)
    panels = figure.subplot_mosaic([["ahead", "cost", part] for part in PARTS], width_ratios=(1, 1, 1.15))
    ahead, cost = panels["ahead"], panels["cost"]
    _papers(ahead, cost)
    for number, (study, marker) in enumerate(STUDIES.items()):
        tables = results / study / "tables"
        if tables.exists():
            look: dict[str, Any] = {"color": PALETTE[number], "marker": marker, "markersize": 5}
            table = lead_by_exit(tables)
            ahead.plot(table["exit"], 100 * table["difference"], label=study, **look)
            ahead.fill_between(table["exit"], 100 * table["low"], 100 * table["high"], color=PALETTE[number], alpha=0.2)
            ratios = cost_ratios(tables)
            cost.plot(ratios["accuracy"], ratios["ratio"], label=study, **{**look, "markevery": 15})
            cost.fill_between(ratios["accuracy"], ratios["low"], ratios["high"], color=PALETTE[number], alpha=0.2)
    for axes, none in ((ahead, 0), (cost, 1)):
        axes.axhline(none, color="0.3", linewidth=0.8)
        axes.legend(fontsize=8)
    ahead.set(title="Joint minus ordered", xlabel="exit (the last is the classifier)", ylabel="points of test accuracy")
    cost.set(title="MACs at equal accuracy", xlabel="test accuracy of both", ylabel="joint’s, as a share of ordered’s")
    in_percent(cost)
    cost.xaxis.set_major_formatter(cost.yaxis.get_major_formatter())
    steps = pd.read_csv(results / MADE_OF / "steps.csv")
    for measure, title in PARTS.items():
        _parts(panels[measure], values_of(steps, measure), measure == COST)
        panels[measure].set_title(title)
    looks = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name) for name, colour, hatch in PIECES.values()
    ]
    panels[COST].legend(
        handles=looks,
        title=f"of {MADE_OF}; at equal epochs but for …",
        fontsize=7.5,
        title_fontsize=7.5,
        loc="upper center",
        bbox_to_anchor=(0.4, -0.22),
        ncols=2,
    )
    return figure


def values_of(steps: pd.DataFrame, measure: str) -> list[tuple[str, float, dict[str, float]]]:
    """Each bar that there is: what it is called, the whole, and its pieces by name; fractions, of costs as shares."""
    there = steps[steps["measure"] == measure].set_index(["state", "step"])["difference"].to_dict()
    bars = []
    for name, state, chain in BARS:
        if all((state, step) in there for step, *_ in chain):
            whole, *pieces = (float(there[state, step]) for step, *_ in chain)
            bars.append((name, whole, dict(zip(PIECES, pieces, strict=True))))
    return bars


def said(results: Path) -> str:
    """What is drawn, in numbers: it stands in the file, so that a picture of older tables is told."""
    parts = []
    for study in STUDIES:
        if (tables := results / study / "tables").exists():
            parts.append(f"{study}: {', '.join(points(value) for value in lead_by_exit(tables)['difference'])}")
    steps = pd.read_csv(results / MADE_OF / "steps.csv")
    for measure, title in PARTS.items():
        for name, whole, pieces in values_of(steps, measure):
            of = ", ".join(f"{PIECES[piece][0]} {points(value)}" for piece, value in pieces.items())
            parts.append(f"{title}, {name}: {points(whole)}, of it {of}")
    return "; ".join(parts)


def _papers(ahead: Axes, cost: Axes) -> None:
    lead = paper.lead_by_exit()
    ahead.plot(lead.index, 100 * lead, label="the paper", marker="d", **{**PAPER, "linestyle": "--"})
    accuracy = np.linspace(0.6, 0.9, 301)
    cost.plot(accuracy, paper.cost_ratio(accuracy), label="the paper", color="black", linestyle="--")


def _parts(axes: Axes, bars: list[tuple[str, float, dict[str, float]]], is_cost: bool) -> None:
    """Pieces laid end to end, of costs by their logarithms, and a mark where the whole ends: each cost is over accuracies of its
    own, so pieces need not add up to it. One that takes back is drawn lower, and open."""
    for place, (_, whole, pieces) in enumerate(bars):
        begin = end = 0.0
        for piece, value in pieces.items():
            _, colour, hatch = PIECES[piece]
            length = -np.log1p(value) if is_cost else value
            shift = 0.0 if length > 0 else 0.42
            axes.barh(
                place + shift, length, 0.62 - shift, begin, color=colour, hatch=hatch, edgecolor="white", linewidth=0
            )
            if abs(length) > 0.008:
                label = f"{100 * abs(value):.1f}" if length > 0 else points(-value)
                axes.text(
                    begin + length / 2,
                    place + shift,
                    label,
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85},
                )
            begin += length
            end = max(end, begin)
        end = max(end, mark := -np.log1p(whole) if is_cost else whole)
        axes.plot([mark], [place], "|", color="black", markersize=17, markeredgewidth=1.5)
        axes.text(end * 1.03, place, f"{100 * abs(whole):.1f}", va="center", fontsize=8, fontweight="bold")
    axes.set_yticks(range(len(bars)), [name for name, *_ in bars], fontsize=8)
    axes.set_xticks([])
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.grid(visible=False)
    axes.invert_yaxis()


def main() -> None:
    """Draw it."""
    with theme("paper"):
        figure = draw(RESULTS)
        figure.savefig(PICTURE, metadata={"Date": None, "Title": TITLE, "Description": said(RESULTS)})


if __name__ == "__main__":
    main()
