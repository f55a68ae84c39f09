"""The paper's claims and the values read off its charts beside ours, as rows of cells."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from exitprune.reporting.formatting import NOTHING, STATES, interval, millions, percent, points

DIGITISED = {"exit accuracy before": 1, "exit accuracy": 1, "change by pruning": 1, "layer sparsity": 1}
"""Decimals of the paper's values in per cent, as they were read off its charts."""


def claim_rows(rows: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """The differences that a claim rests on, one comparison a row."""
    return [
        [
            f"{row['against']}, {STATES[row['state']]}",
            *(percent(row[of]) if row["unit"] == "points" else millions(row[of]) for of in ("joint", "other")),
            *(millions(row[of]) for of in ("joint_macs", "other_macs")),
            points(row["difference"]),
            interval(row["low"], row["high"]),
            f"{row['p_corrected']:.2g}" if math.isfinite(row["p_corrected"]) else NOTHING,
            f"{row['verdict']} ({row['role']})",
        ]
        for row in rows
    ]


def scatter_rows(rows: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Where the scatter of each difference comes from, and the smallest that could have been told from none.

    Points, or per cent of the other's cost, whose scatter is that of logarithms.
    """
    told = []
    for row in rows:
        if not math.isfinite(row["low"]):
            continue
        parts, half = [row[of] for of in ("std_seeds", "std_images", "std_rest")], (row["high"] - row["low"]) / 2
        if row["unit"] == "percent":
            parts = [math.expm1(part) for part in parts]
            half = math.expm1((math.log1p(row["high"]) - math.log1p(row["low"])) / 2)
        sign = " %" if row["unit"] == "percent" else ""
        name = f"{row['label']}, against {row['against']}, {STATES[row['state']]}"
        told.append([name, *(percent(value) + sign for value in (*parts, half))])
    return told


def comparison(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Paper / ours / difference, one block per quantity; none for another network than the paper's."""
    blocks = []
    for quantity, decimals in DIGITISED.items() if len(table) else ():
        part = table[table["quantity"] == quantity]
        if part.empty:
            continue
        wide = part.pivot(index=["position", "name"], columns="recipe", values=["paper", "ours", "difference"])
        recipes = list(part["recipe"].unique())
        rows = []
        for name, row in zip(wide.index.get_level_values("name"), wide.to_dict("records"), strict=True):
            cells = [name]
            for recipe in recipes:
                paper = row["paper", recipe]
                cells += [
                    f"{100 * paper:.{decimals}f}" if math.isfinite(paper) else NOTHING,
                    percent(row["ours", recipe]),
                    points(row["difference", recipe]),
                ]
            rows.append(cells)
        titles = [f"{recipe}: {what}" for recipe in recipes for what in ("paper", "ours", "difference")]
        blocks.append({"quantity": quantity, "first": quantity.split()[0], "titles": titles, "rows": rows})
    return blocks


def agreement_table(summary: pd.DataFrame) -> list[list[str]]:
    """How well the paper's values and ours agree."""
    return [
        [
            row["quantity"],
            row["recipe"],
            str(row["num"]),
            percent(row["mean_absolute_difference"]),
            f"{row['rank_correlation']:.2f}" if math.isfinite(row["rank_correlation"]) else NOTHING,
        ]
        for row in summary.to_dict("records")
    ]
