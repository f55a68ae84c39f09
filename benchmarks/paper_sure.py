"""What the numbers of the pages on the paper rest on: scatter of seeds, images, processors, steps with intervals, and hours."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.pages import Table
from benchmarks.steps import CHAIN, FINAL, FROM_FROZEN, LONG, OWN_CHAIN, RECOVERED
from exitprune.evaluation import paper
from exitprune.evaluation.claims import CLAIMS
from exitprune.reporting.formatting import NOTHING, STATES, interval, percent, points

PAGES = [Path(__file__).parents[1] / "docs" / name for name in ("paper.md", "paper-numbers.md")]


def difference(row: Mapping[Any, Any]) -> str:
    """In points, or in per cent of a cost."""
    return points(row["difference"]) + (" %" if row["unit"] == "percent" and math.isfinite(row["difference"]) else "")


def scatter(tables: Path) -> Table:
    """What a new seed, other test images and both together add to what one seed shows, in points (of costs, in per cent)."""
    titles = ["quantity", "joint minus", "when", "seeds", "test images", "both together"]
    rows = []
    for row in pd.read_csv(tables / "claims.csv").dropna(subset="std_seeds").to_dict("records"):
        about = [row["label"], row["against"], STATES[row["state"]]]
        rows.append([*about, *(percent(row[of]) for of in ("std_seeds", "std_images", "std_rest"))])
    return titles, rows


def rounding(tables: Path) -> Table:
    """What another processor and, beyond that, another seed scatter, in points: as `benchmarks.rounding` printed it."""
    titles = ["quantity", "joint minus", "when", "another processor", "another seed, beyond that"]
    labels, rows = {claim.name: claim.label for claim in CLAIMS}, []
    for row in pd.read_csv(tables.parent / "rounding.csv").to_dict("records"):
        about = [labels[row["measure"]], row["against"], STATES[row["state"]]]
        rows.append([*about, *(percent(row[of]) for of in ("std_rounding", "std_seeds"))])
    return titles, rows


def bases(tables: Path) -> Table:
    """What other trainings of the base get right of validation images, as `benchmarks.base_training` wrote it."""
    table = pd.read_csv(tables.parent / "base_training.csv")
    plain = table[table["variant"] == table["variant"].iloc[0]].set_index("seed")["accuracy"]
    table["more"] = table["accuracy"] - table["seed"].map(plain)
    rows = [
        [str(name), percent(part["accuracy"].mean()), points(part["more"].mean()), str(part["seed"].nunique())]
        for name, part in table.groupby("variant", sort=False)
    ]
    return ["the base is trained with", "validation accuracy, %", "more than the study, points", "seeds"], rows


def dense(tables: Path) -> Table:
    """What base networks get right before they have exits, in per cent, as `benchmarks.base_accuracy` wrote it."""
    table = pd.read_csv(tables.parent / "base_accuracy.csv")
    rows = [[str(row["seed"]), percent(row["validation"]), percent(row["test"])] for row in table.to_dict("records")]
    if len(rows) > 1:
        rows.append(["mean", percent(table["validation"].mean()), percent(table["test"].mean())])
    return ["seed", "validation images, %", "test images, %"], rows


def heads(tables: Path) -> Table:
    """What exits get right before anything is pruned, their heads trained in several ways, under the paper's approach 1; in per
    cent of validation images, as `benchmarks.heads_before` wrote it, and how far away that is from the chart on average."""
    found = pd.read_csv(tables.parent / "heads_before.csv")
    exits = [name for name in map(str, found) if name.startswith("exit")]
    chart = paper.exit_accuracy().query("approach == @paper.TOGETHER").sort_values("exit")["before"].to_numpy(float)
    titles = ["the base", "rate of the heads", "epochs", *(f"exit {number}" for number in range(len(exits))), "away by"]
    rows = [["the paper", NOTHING, NOTHING, *map(percent, chart), NOTHING]]
    for keys, part in found.groupby(["train", "lr", "epochs"], sort=False):
        train, rate, epochs = keys
        right = part[exits].mean().to_numpy(float)
        about = ["learns with them" if train == "joint" else "is frozen", f"{rate:g}", f"{epochs:g}"]
        rows.append([*about, *map(percent, right), percent(abs(right - chart).mean())])
    return titles, rows


SHOWN = {
    "early_exits_accuracy": "early exits",
    "last_exit_accuracy": "deepest exit",
    "cost_at_equal_accuracy": "MACs at equal accuracy",
}
"""Quantities of steps, as they are called here."""
LEADS = {
    "as run": CHAIN[0],
    "each at its own best rate": OWN_CHAIN[0],
    "heads of `ordered` trained eight times as long": LONG,
    "`joint` from a base that never learnt with its exits": FROM_FROZEN,
}
"""Settings under which the whole difference is told, in words, and the step of `benchmarks.steps` that has it."""


def leads(tables: Path) -> Table:
    """Joint's whole lead, as the study has it and where either approach is given more, in both states."""
    wanted = [(state, measure) for state in (FINAL, RECOVERED) for measure in SHOWN]
    titles = [f"{SHOWN[measure]}, {STATES[state]}" for state, measure in wanted]
    table, rows = pd.read_csv(tables.parent / "steps.csv"), []
    for words, (step, _, _) in LEADS.items():
        part = table[table["step"] == step].to_dict("records")
        cells = {(row["state"], row["measure"]): difference(row) for row in part}
        rows.append([words, *(cells[one] for one in wanted)])
    return ["joint minus ordered", *titles], rows


def steps(tables: Path) -> Table:
    """What joint's lead is made of, as `benchmarks.steps` wrote it: three quantities with their intervals."""
    rows = []
    table = pd.read_csv(tables.parent / "steps.csv").sort_values("state", kind="stable")
    for keys, part in table.groupby(["state", "step", "first", "second"], sort=False):
        state, step, first, second = map(str, keys)
        cells = {
            row["measure"]: f"{difference(row)} ({interval(row['low'], row['high'])})"
            for row in part.to_dict("records")
        }
        rows.append(
            [STATES[state], step, f"`{first}` \N{MINUS SIGN} `{second}`", *(cells[measure] for measure in SHOWN)]
        )
    return ["when", "what", "recipes", *SHOWN.values()], rows


def budget(tables: Path) -> Table:
    """What the studies took whose claims or exits stand on the pages: minutes of a seed, the median, with all recipes, and the
    hours of all seeds together; bases and heads of a seed count once."""
    titles = ["study", "seeds", "recipes", "processor", "threads", "precision"]
    titles += ["median minutes of a seed: base and heads", "rounds", "recovery", "evaluation", "all seeds, hours"]
    rows = []
    said = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for study in dict.fromkeys(re.findall("<!-- table: (?:claims|exits) (.*?) -->", said)):
        runs = pd.read_csv(tables.parents[1] / study / "tables" / "seeds.csv")
        by_seed = runs.groupby("seed")
        parts = [by_seed[["seconds_base", "seconds_heads"]].median().sum(axis=1)]
        parts += [by_seed[f"seconds_{stage}"].sum() for stage in ("prune", "recover", "evaluate")]
        medians = [part.median() for part in parts]
        how = [" and ".join(map(str, runs[of].unique())) for of in ("processor", "threads", "precision")]
        minutes = [f"{seconds / 60:.1f}" for seconds in medians]
        num_seeds, num_recipes = (runs[of].nunique() for of in ("seed", "recipe"))
        rows.append(
            [study, str(num_seeds), str(num_recipes), *how, *minutes, f"{sum(part.sum() for part in parts) / 3600:.1f}"]
        )
    return titles, rows
