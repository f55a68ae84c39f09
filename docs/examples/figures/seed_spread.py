"""How far seeds lie apart: the accuracy of each at its operating point."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from exitprune.config.evaluate import Evaluate
from exitprune.reporting.drawing import in_percent, looks, new_figure, over
from exitprune.reporting.formatting import percent

PLACE = 20
TITLE = "How far seeds lie apart"
CAPTION = "Test accuracy of each seed after the last round, at the cheapest threshold that loses at most the margin."
TABLES = ("seed_spread",)


def table(study: Any) -> pd.DataFrame:
    """Accuracy by recipe and seed."""
    points = study.table("operating_points").query("state == 'final' and choice == 'cheapest'")
    return points[["recipe", "seed", "test_accuracy"]]


def draw(tables: Path, evaluate: Evaluate) -> Figure:
    """A row of markers for each recipe."""
    found = _read(tables)
    figure = new_figure(3)
    axes = figure.subplots()
    for recipe, look in looks(list(found["recipe"].unique())).items():
        part = found[found["recipe"] == recipe]
        axes.plot(part["seed"], part["test_accuracy"], look.marker, color=look.colour, label=recipe)
    axes.set(xlabel="seed", ylabel="test accuracy")
    in_percent(axes)
    axes.legend()
    return figure


def note(tables: Path, evaluate: Evaluate) -> str:
    """What is averaged."""
    return over(_read(tables)["seed"].nunique())


def alt(tables: Path, evaluate: Evaluate) -> str:
    """Every seed."""
    said = [f"{row.recipe}, seed {row.seed}: {percent(row.test_accuracy)} %" for row in _read(tables).itertuples()]
    return "A marker for each seed and recipe. " + "; ".join(said) + "."


def _read(tables: Path) -> pd.DataFrame:
    return pd.read_csv(tables / "seed_spread.csv")
