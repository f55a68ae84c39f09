"""How a study was made, as rows of cells: the settings of its recipes, and where and when each seed was computed."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from exitprune.config.params import Params
from exitprune.origin.ingredients import by_name
from exitprune.reporting.formatting import NOTHING, counted, duration


def recipe_table(params: Params) -> tuple[list[str], list[list[str]]]:
    """Every setting of every recipe, those in which recipes differ first."""
    settings = [by_name(recipe.model_dump()) for recipe in params.recipes.values()]
    rows = [
        [name, *(_setting(one.get(name)) for one in settings)]
        for name in dict.fromkeys(k for one in settings for k in one)
    ]
    return list(params.recipes), sorted(rows, key=lambda row: len(set(row[1:])) == 1)


def _setting(value: Any) -> str:
    return NOTHING if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def seed_table(seeds: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Where and when every seed of every recipe was computed, and how long that took."""
    titles = ["recipe", "evaluated on", "processor", "commit", "torch", "computed with", "time in all"]
    rows = []
    for row in seeds.to_dict("records"):
        seconds = [value for name, value in row.items() if str(name).startswith("seconds_") and math.isfinite(value)]
        commit = (
            NOTHING if pd.isna(row["commit"]) else str(row["commit"])[:10] + (" and changes" if row["dirty"] else "")
        )
        compiled = ", compiled" if row["compile"] is True else ""
        computed = f"{row['device']}, {counted(int(row['threads']), 'thread')}, {row['precision']}{compiled}"
        time = duration(sum(seconds)) if seconds else NOTHING
        cells = [
            row["seed"],
            row["recipe"],
            str(row["date"])[:10],
            row["processor"],
            commit,
            row["torch"],
            computed,
            time,
        ]
        rows.append([str(cell) for cell in cells])
    return titles, rows
