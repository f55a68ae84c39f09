"""The answer of docs/paper.md in one picture, from published tables: `python -m benchmarks.paper_picture` draws docs/paper.svg.

Left: how far joint is ahead of ordered at each exit, in the paper and in our studies of its network. Middle: what joint costs at
equal accuracy. Right: what its lead at the early exits is made of (`benchmarks.steps`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exitprune.evaluation import paper
from exitprune.evaluation.pairs import FIRST, POSTERS
from exitprune.evaluation.statistics import band
from exitprune.reporting.drawing import PAPER, in_percent, new_figure, theme
from exitprune.reporting.formatting import points
from exitprune.reporting.looks import PALETTE

RESULTS = Path(__file__).parents[1] / "results"
PICTURE = RESULTS.parent / "docs" / "paper.svg"
STUDIES = {"paper-32": "v", "paper-16": "o"}
"""Of the paper's network and both its approaches, those that are published, with their markers."""
MADE_OF = "cifar10-16"
OTHER, FINAL = POSTERS
CONFIDENCE = 0.95
TITLE = "Joint against ordered: where it is ahead, what it saves, and why"


def lead_by_exit(tables: Path) -> pd.DataFrame:
    """Joint minus ordered at each exit on test images after the last round: exit, difference, low, high; a fraction."""
    exits = pd.read_csv(tables / "exits.csv").query("state == @FINAL and split == 'test'")
    wide = exits.pivot(index="seed", columns=["recipe", "exit"], values="accuracy")
    each = (wide[FIRST] - wide[OTHER]).to_numpy()
    drawn = band(each, CONFIDENCE)
    return pd.DataFrame({"exit": wide[FIRST].columns, "difference": each.mean(0), "low": drawn.low, "high": drawn.high})


def draw(results: Path) -> Figure:
    """The three panels."""
    figure = new_figure(4.0)
    ahead, cost, made_of = figure.subplots(1, 3, width_ratios=(1, 1, 1))
    _papers(ahead, cost)
    for number, (study, marker) in enumerate(STUDIES.items()):
        tables = results / study / "tables"
        if tables.exists():
            look = {"color": PALETTE[number], "marker": marker, "markersize": 5}
            table = lead_by_exit(tables)
            ahead.plot(table["exit"], 100 * table["difference"], label=study, **look)
            ahead.fill_between(table["exit"], 100 * table["low"], 100 * table["high"], color=PALETTE[number], alpha=0.2)
            ratios = pd.read_csv(tables / "cost_at_equal_accuracy.csv").query("against == @OTHER and state == @FINAL")
            cost.plot(ratios["accuracy"], ratios["ratio"], label=study, **{**look, "markevery": 15})
            cost.fill_between(ratios["accuracy"], ratios["low"], ratios["high"], color=PALETTE[number], alpha=0.2)
    for axes, none in ((ahead, 0), (cost, 1)):
        axes.axhline(none, color="0.3", linewidth=0.8)
        axes.legend(fontsize=8)
    ahead.set(title="Joint minus ordered", xlabel="exit (the last is the classifier)", ylabel="points of test accuracy")
    cost.set(title="MACs at equal accuracy", xlabel="test accuracy of both", ylabel="joint’s, as a share of ordered’s")
    in_percent(cost)
    cost.xaxis.set_major_formatter(cost.yaxis.get_major_formatter())
    _steps(made_of, pd.read_csv(results / MADE_OF / "steps.csv").query("measure == 'early_exits_accuracy'"))
    return figure


def said(results: Path) -> str:
    """What is drawn, in numbers: it stands in the file, so that a picture of older tables is told."""
    parts = []
    for study in STUDIES:
        if (tables := results / study / "tables").exists():
            parts.append(f"{study}: {', '.join(points(value) for value in lead_by_exit(tables)['difference'])}")
    steps = pd.read_csv(results / MADE_OF / "steps.csv").query("measure == 'early_exits_accuracy' and state == @FINAL")
    parts += [f"{step}: {points(value)}" for step, value in zip(steps["step"], steps["difference"], strict=True)]
    return "; ".join(parts)


def _papers(ahead: Axes, cost: Axes) -> None:
    lead = paper.lead_by_exit()
    ahead.plot(lead.index, 100 * lead, label="the paper", marker="d", **{**PAPER, "linestyle": "--"})
    accuracy = np.linspace(0.6, 0.9, 301)
    cost.plot(accuracy, paper.cost_ratio(accuracy), label="the paper", color="black", linestyle="--")


def _steps(axes: Axes, steps: pd.DataFrame) -> None:
    names = list(steps["step"].unique())
    for state, shift, fill in ((FINAL, -0.15, "full"), ("recovered", 0.15, "none")):
        part = steps[steps["state"] == state].set_index("step").loc[names]
        place, value = np.arange(len(names)) + shift, 100 * part["difference"]
        error = np.abs(100 * part[["low", "high"]].to_numpy().T - value.to_numpy())
        label = "after the last round" if state == FINAL else "after recovery"
        axes.errorbar(value, place, xerr=error, fmt="o", color=PALETTE[0], fillstyle=fill, markersize=5, label=label)
        for at, (height, number) in enumerate(zip(place, part["difference"], strict=True)):
            axes.text(100 * part["high"].iloc[at] + 0.15, height, points(number), va="center", fontsize=7.5)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_yticks(
        range(len(names)), [name.replace(", ", ",\n").replace("before", "\nbefore") for name in names], fontsize=8
    )
    axes.set(title="Early exits, in parts", xlabel=f"points ({MADE_OF})", xlim=(-0.4, 10.9))
    axes.invert_yaxis()
    axes.legend(fontsize=8, loc=(0.33, 0.31))


def main() -> None:
    """Draw it."""
    with theme("paper"):
        figure = draw(RESULTS)
        figure.savefig(PICTURE, metadata={"Date": None, "Title": TITLE, "Description": said(RESULTS)})


if __name__ == "__main__":
    main()
