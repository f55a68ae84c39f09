"""The data that the page carries for its moving parts, and for another report to be held against it.

Everything is a table of the study, in columns so that it stays small: accuracy and shares are fractions, MACs per image.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from exitprune.config.params import Params
from exitprune.deployment.measured_times import BASE, PLAIN
from exitprune.evaluation.exit_times import Times
from exitprune.evaluation.guessing import chance
from exitprune.origin.ingredients import flat
from exitprune.reporting.about import data_name
from exitprune.reporting.chosen import UNPRUNED, checkpoint_of, command
from exitprune.reporting.formatting import STATES
from exitprune.reporting.looks import looks
from exitprune.reporting.tables import HEADLINES

FORMAT = "exitprune report 1"
"""Said by every report; one that says something else is not read."""
SHOWN = ("unpruned", "final", "recovered")
MAIN_BATCH = 64


def study_data(
    params: Params,
    manifest: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    environment: Mapping[str, Any],
    measured: pd.DataFrame | None,
    by_exit: Mapping[str, Sequence[Times]] = MappingProxyType({}),
) -> dict[str, Any]:
    """What the page's script reads.

    Args:
        params, manifest, tables, environment, measured: as `report.render` has them.
        by_exit: from `measured_times.read_times`.
    """
    rates = tables["exit_rates"]
    recipes = [str(recipe) for recipe in rates["recipe"].unique()]
    return {
        "format": FORMAT,
        "study": params.study,
        "data": data_name(manifest),
        "network": params.model.own.title,
        "seeds": params.seeds,
        "commit": environment["commit"],
        "chance": chance(manifest),
        "denseMacs": int(tables["exits"]["macs_dense"].max()),
        "exits": [int(exit_) for exit_ in sorted(rates["exit"].unique())],
        "recipes": recipes,
        "looks": {name: {"colour": look.colour, "line": look.dashes} for name, look in looks(recipes).items()},
        "states": [{"key": state, "name": STATES[state]} for state in SHOWN if state in set(rates["state"])],
        "thresholds": [float(threshold) for threshold in sorted(rates["threshold"].unique())],
        "sweeps": _sweeps(tables["threshold_sweep"], rates),
        "curves": _curves(tables["tradeoff"]),
        "points": _points(tables["operating_points"]),
        "choices": _choices(tables["choices"], params, tables["levels"], by_exit),
        "headlines": _headlines(tables["measures"]),
        "plain": [] if measured is None else _plain(measured),
        "times": [] if measured is None else _times(measured, tables["levels"]),
        "params": dict(flat(params.model_dump())),
    }


def as_json(data: Any) -> str:
    """For a script element: nothing in it can end the element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _of_networks(table: pd.DataFrame) -> Iterable[tuple[str, str | None, pd.DataFrame]]:
    """State, recipe and rows of each network; the unpruned one is the same for all recipes and stands once, without."""
    first = table["recipe"].iloc[0]
    for (state, recipe), rows in table.groupby(["state", "recipe"], sort=False):
        if state != "unpruned":
            yield str(state), str(recipe), rows
        elif recipe == first:
            yield str(state), None, rows


def _sweeps(sweep: pd.DataFrame, rates: pd.DataFrame) -> list[dict[str, Any]]:
    by_exit = rates.pivot(index=["state", "recipe", "threshold"], columns="exit", values="exit_rate").sort_index()
    return [
        {
            "state": state,
            "recipe": recipe,
            "accuracy": _numbers(rows["accuracy"], 5),
            "macs": _numbers(rows["average_macs"], 0),
            "rates": [_numbers(row, 4) for row in by_exit.loc[state, rows["recipe"].iloc[0]].to_numpy()],
        }
        for state, recipe, rows in _of_networks(sweep.sort_values("threshold", kind="stable"))
    ]


def _curves(tradeoff: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "state": state,
            "recipe": recipe,
            "macs": _numbers(rows["average_macs"], 0),
            **{name: _numbers(rows[name], 5) for name in ("accuracy", "low", "high")},
        }
        for state, recipe, rows in _of_networks(tradeoff)
    ]


def _points(points: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "state": state,
            "recipe": recipe,
            "seed": [int(seed) for seed in rows["seed"]],
            "choice": list(rows["choice"]),
            "threshold": _numbers(rows["threshold"], 8),
            "accuracy": _numbers(rows["test_accuracy"], 5),
            "macs": _numbers(rows["test_macs"], 0),
        }
        for state, recipe, rows in _of_networks(points)
    ]


def _choices(
    choices: pd.DataFrame, params: Params, levels: pd.DataFrame, by_exit: Mapping[str, Sequence[Times]]
) -> list[dict[str, Any]]:
    """What is worth deploying, by network; validation images choose, test images tell."""
    made = []
    columns = ["seed", "state", "recipe", "name", "precision"]
    digests = levels.set_index(["seed", "recipe", "name"])["sha256"].to_dict()
    for key, rows in choices.groupby(columns, sort=False):
        seed, state, recipe, name, precision = int(str(key[0])), *map(str, key[1:])
        if state == UNPRUNED and recipe != choices["recipe"].iloc[0]:
            continue
        checkpoint = checkpoint_of(recipe, state, seed, name, params)
        exits = [str(one).replace(" ", ",") for one in rows["exits"]]
        made.append(
            {
                "state": state,
                "recipe": None if state == UNPRUNED else recipe,
                "seed": seed,
                "precision": precision,
                "times": [
                    {"runtime": one.runtime, "batch": one.batch, "body": one.body, "heads": one.heads}
                    for one in by_exit.get(digests.get((seed, recipe, name), ""), ())
                    if one.threads == 1 and one.precision == precision
                ],
                "rates": [[float(rate) for rate in str(one).split()] for one in rows["validation_rates"]],
                "testRates": [[float(rate) for rate in str(one).split()] for one in rows["test_rates"]],
                "exits": exits,
                "command": command(checkpoint, "EXITS", "THRESHOLD"),
                "threshold": [str(np.float32(one)) for one in rows["threshold"]],
                "macs": _numbers(rows["validation_macs"], 0),
                "testMacs": _numbers(rows["test_macs"], 0),
                "band": rows["band"].iloc[0],
                **{
                    key: _numbers(rows[column], 6)
                    for key, column in (
                        ("accuracy", "validation_accuracy"),
                        ("lost", "accuracy_lost"),
                        ("test", "test_accuracy"),
                        ("mean", "mean_accuracy"),
                        ("low", "low"),
                        ("high", "high"),
                    )
                },
            }
        )
    return made


def _headlines(measures: pd.DataFrame) -> list[dict[str, Any]]:
    means = measures.groupby(["measure", "state", "recipe"], sort=False)["value"].mean().reset_index()
    return [
        {
            "label": label,
            "form": form,
            "values": [
                {"state": state, "recipe": recipe, "value": _number(rows["value"].iloc[0], 6)}
                for state, recipe, rows in _of_networks(means[means["measure"] == measure])
            ],
        }
        for measure, (label, form) in HEADLINES.items()
        if measure in set(means["measure"])
    ]


def _times(measured: pd.DataFrame, levels: pd.DataFrame) -> list[dict[str, Any]]:
    """Milliseconds of the networks that the page has sweeps of, told by the digest of their weights; one thread."""
    known = levels[levels["state"].isin(SHOWN)].drop_duplicates("sha256")[["sha256", "state", "recipe", "seed"]]
    there = measured[(measured["threads"] == 1) & measured["batch"].isin([1, MAIN_BATCH])]
    there = there.drop(columns="seed").merge(known, on="sha256")
    if there.empty:
        return []
    there = there[there["seed"] == there["seed"].min()]
    timed = []
    for (state, recipe, runtime, batch), rows in there.groupby(["state", "recipe", "runtime", "batch"], sort=False):
        one = rows[rows["network"] == rows["network"].iloc[-1]].sort_values("macs")  # as it is exported
        timed.append(
            {
                "state": state,
                "recipe": None if state == "unpruned" else recipe,
                "runtime": runtime,
                "batch": int(batch),
                "network": one["network"].iloc[0],
                "seed": int(one["seed"].iloc[0]),
                "machine": one["machine"].iloc[0],
                "macs": _numbers(one["macs"], 0),
                "ms": _numbers(one["ms"], 5),
            }
        )
    return timed


def _plain(measured: pd.DataFrame) -> list[dict[str, Any]]:
    """Plain networks on one thread, mean over seeds; milliseconds as `measured_times.Row.cost` has them."""
    there = measured[(measured["threads"] == 1) & measured["network"].str.startswith((PLAIN, BASE))]
    means = there.groupby(["network", "runtime", "batch"], sort=False)[["accuracy", "macs", "ms"]]
    columns = ["network", "runtime", "batch", "accuracy", "macs", "ms"]
    rows = means.mean().reset_index()[columns].to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _numbers(values: Iterable[float], decimals: int) -> list[float | int | None]:
    return [_number(value, decimals) for value in values]


def _number(value: float, decimals: int) -> float | int | None:
    if not math.isfinite(value):
        return None
    return round(float(value), decimals) if decimals else round(value)
