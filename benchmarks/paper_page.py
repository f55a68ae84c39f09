"""Put the numbers of published studies into docs/paper.md and docs/paper-numbers.md: `python -m benchmarks.paper_page`.

A place is `<!-- table: claims digits -->`: which table, of which study of results/. What is there is read off the study's tables;
`budget all` is of all studies whose claims stand on these pages.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import paper_picture
from benchmarks.pages import Table, fill
from benchmarks.paper_sure import PAGES, bases, budget, dense, difference, heads, leads, rounding, scatter, steps
from benchmarks.steps import FINAL, OTHER, RECOVERED
from exitprune.evaluation import paper
from exitprune.evaluation.claims import CLAIMS, PRIMARY, SUPPORTED
from exitprune.reporting.formatting import NOTHING, STATES, interval, millions, percent, points

ROOT = Path(__file__).parents[1]
STUDIES = (*paper_picture.STUDIES, paper_picture.MADE_OF)
"""Of the paper's images and both its approaches, as far as they are published; the paper's network first."""
ACCURACIES = (0.65, 0.70, 0.75, 0.80, 0.82)
"""At which the paper's savings are told."""


def claims(tables: Path) -> Table:
    """The primary comparison of every claim, with its interval and verdict."""
    titles = ["claim", "joint minus", "quantity", "difference", "interval", "cost of both", "verdict"]
    rows = []
    table = pd.read_csv(tables / "claims.csv").query("verdict != 'not tested'")
    for row in table[table["role"] == PRIMARY].to_dict("records"):
        costs = [millions(row[of]) for of in ("joint_macs", "other_macs")]
        rows.append(
            [
                str(row["claim"]),
                row["against"],
                row["label"],
                difference(row),
                interval(row["low"], row["high"]),
                NOTHING if NOTHING in costs else f"{costs[0]} and {costs[1]}",
                row["verdict"],
            ]
        )
    return titles, rows


def verdicts(_: Path) -> Table:
    """Every claim's primary comparison in every study of the paper's images, the paper's own value first."""
    return _by_study(FINAL, _verdict, _papers_own())


def recovered(_: Path) -> Table:
    """The same comparison after recovery, which the paper has none of: exploratory, so without verdicts."""
    return _by_study(RECOVERED, _with_interval, None)


def _by_study(state: str, cell: Callable[[dict[Any, Any]], str], theirs: Mapping[int, str] | None) -> Table:
    folders = {study: ROOT / "results" / study / "tables" for study in STUDIES}
    found = {}
    for study, folder in folders.items():
        if folder.exists():
            table = pd.read_csv(folder / "claims.csv")
            found[study] = table[(table["against"] == OTHER) & (table["state"] == state)].set_index("claim")
    rows = []
    for claim in CLAIMS:
        own = [] if theirs is None else [theirs.get(claim.number, NOTHING)]
        cells = [cell(table.loc[claim.number].to_dict()) for table in found.values()]
        rows.append([str(claim.number), f"{claim.label}, {claim.unit}", *own, *cells])
        if claim.name == paper_picture.COST and theirs is not None:
            rows.append(
                ["", "accuracies that both reach, per cent", *_common_accuracies([folders[of] for of in found])]
            )
    return ["claim", "joint minus ordered", *(["the paper"] if theirs is not None else []), *found], rows


def _common_accuracies(folders: list[Path]) -> list[str]:
    """Over which the cost of both is compared, the paper's first."""
    accuracy = np.linspace(0, 1, 1001)
    reached = [accuracy[np.isfinite(paper.cost_ratio(accuracy))]]
    for folder in folders:
        reached.append(paper_picture.cost_ratios(folder)["accuracy"].to_numpy())
    return [f"{100 * each.min():.0f} to {100 * each.max():.0f}" for each in reached]


def _papers_own() -> dict[int, str]:
    """By claim: what the poster's charts show after pruning, where they show it."""
    lead = paper.lead_by_exit()
    ratios = paper.cost_ratio(np.linspace(0, 1, 1001))
    cost = np.exp(np.nanmean(np.log(ratios))) - 1
    curves = paper.tradeoff().query("state == 'after'").groupby("approach")["accuracy"].max()
    best = curves[paper.TOGETHER] - curves[paper.SEPARATELY]
    return {1: points(lead.iloc[:-1].mean()), 2: points(lead.iloc[-1]), 3: points(cost), 4: points(best)}


def _with_interval(row: Mapping[Any, Any]) -> str:
    return points(row["difference"]) + ("" if math.isnan(row["low"]) else f" ({interval(row['low'], row['high'])})")


def _verdict(row: Mapping[Any, Any]) -> str:
    return f"{_with_interval(row)}, {row['verdict']}"


def explored(tables: Path) -> Table:
    """Every comparison, primary ones too, a column for each claim; a star: the interval leaves out 0; =: alike."""
    titles = ["joint minus", "when", *(f"claim {claim.number}" for claim in CLAIMS)]
    table, rows = pd.read_csv(tables / "claims.csv"), []
    for (against, state), part in table.groupby(["against", "state"], sort=False):
        cells = {row["claim"]: row for row in part.to_dict("records")}
        stars = {number: " *" if row["low"] * row["high"] > 0 else "" for number, row in cells.items()}
        alike = [claim.number for claim in CLAIMS if claim.wanted == "alike"]
        stars |= {n: stars[n] + " =" for n in alike if cells[n]["verdict"] == SUPPORTED}
        rows.append(
            [str(against), STATES[str(state)], *(difference(row) + stars[n] for n, row in sorted(cells.items()))]
        )
    return titles, rows


def exits(tables: Path) -> Table:
    """Accuracy before and after pruning at every exit, the paper's and ours, of recipes that follow one of its approaches."""
    table = pd.read_csv(tables / "paper_comparison.csv")
    wide = table.pivot(index=["recipe", "position"], columns="quantity", values=["paper", "ours"])
    titles = ["recipe", "exit", "paper: before", "after", "change", "ours: before", "after", "change"]
    wide = wide.drop(columns=[("paper", paper.LAYERS), ("ours", paper.LAYERS)]).dropna()
    recipes, numbers = (wide.index.get_level_values(level) for level in ("recipe", "position"))
    rows = []
    for recipe, exit_, row in zip(recipes, numbers, wide.to_dict("records"), strict=True):
        cells = [str(recipe), str(exit_)]
        for whose in ("paper", "ours"):
            cells += [percent(row[whose, what]) for what in (paper.BEFORE, paper.AFTER)]
            cells.append(points(row[whose, paper.CHANGE]))
        rows.append(cells)
    return titles, rows


def agreement(tables: Path) -> Table:
    """Mean absolute difference and rank correlation of everything read off bars."""
    titles = ["quantity", "recipe", "values", "mean absolute difference", "rank correlation"]
    return titles, [
        [
            row["quantity"],
            row["recipe"],
            str(row["num"]),
            f"{row['mean_absolute_difference']:.3f}",
            f"{row['rank_correlation']:.2f}".replace("-", "\N{MINUS SIGN}"),
        ]
        for row in pd.read_csv(tables / "paper_summary.csv").to_dict("records")
    ]


def cost(tables: Path) -> Table:
    """What joint costs more or less at equal accuracy, in percent of the other's cost; the paper's first."""
    titles = ["joint against", "when", *(f"at {share:.0%}".replace("%", " %") for share in ACCURACIES)]
    theirs = paper.cost_ratio(np.array(ACCURACIES))
    rows = [["the paper's `separately`", STATES["final"], *(points(ratio - 1) for ratio in theirs)]]
    for (against, state), part in pd.read_csv(tables / "cost_at_equal_accuracy.csv").groupby(
        ["against", "state"], sort=False
    ):
        ratio = np.interp(ACCURACIES, part["accuracy"], part["ratio"], left=np.nan, right=np.nan)
        rows.append([str(against), STATES[str(state)], *(points(value - 1) for value in ratio)])
    return titles, rows


def rates(tables: Path) -> Table:
    """Early exits and classifier by the rate of the rounds, on validation images, per cent; the best mean of all is starred."""
    grid, rate = pd.read_csv(tables.parent / "grid.csv"), "finetune.lr"
    exits = [name for name in map(str, grid) if re.fullmatch(r"exit\d+", name)]
    grid["early"] = grid[exits[:-1]].mean(axis=1)
    mean = grid.groupby(["recipe", rate], sort=False)[["early", exits[-1], "mean_accuracy"]].mean().reset_index()
    best = mean.groupby("recipe")["mean_accuracy"].transform("max") == mean["mean_accuracy"]
    mean["cell"] = [
        f"{percent(early)} / {percent(last)}" for early, last in zip(mean["early"], mean[exits[-1]], strict=True)
    ]
    mean.loc[best, "cell"] += " *"
    wide = mean.pivot(index="recipe", columns=rate, values="cell").loc[mean["recipe"].unique()]
    return ["recipe", *(f"at {value:g}" for value in wide)], [
        [name, *row] for name, row in zip(wide.index, wide.to_numpy().tolist(), strict=True)
    ]


def grid(tables: Path) -> Table:
    """How far each chain of a search is from the paper's chart, with the settings that vary: see `paper.distance_from_paper`."""
    found = pd.read_csv(tables.parent / "grid.csv")
    settings = [name for name in map(str, found) if "." in name and found[name].nunique() > 1]
    titles = [
        *settings,
        "sparsity of heads, ours minus theirs",
        "sparsity of layers, away by",
        "order of layers",
        "accuracy before, away by",
        "after, away by",
    ]
    rows = [
        [
            *(value if isinstance(value, str) else f"{value:g}" for value in (row[name] for name in settings)),
            points(row["head sparsity"]),
            percent(row[paper.LAYERS]),
            f"{row['layer order']:.2f}",
            percent(row[paper.BEFORE]),
            percent(row[paper.AFTER]),
        ]
        for row in found.to_dict("records")
    ]
    return titles, rows


KINDS = {
    table.__name__: table
    for table in (
        verdicts,
        recovered,
        leads,
        claims,
        explored,
        exits,
        agreement,
        cost,
        scatter,
        rounding,
        steps,
        bases,
        dense,
        heads,
        budget,
        rates,
        grid,
    )
}


def main() -> None:
    """Fill every place of the pages."""
    for page in PAGES:
        fill(page, KINDS, lambda study: ROOT / "results" / study / "tables")


if __name__ == "__main__":
    main()
