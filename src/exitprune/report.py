"""The report: one HTML page that needs nothing beside itself. Every number on it was read from a table.

What is here formats; it computes nothing beyond means of what it shows.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from scipy import stats

from exitprune.claims import CLAIMS, RIVALS, rule_in_words
from exitprune.formatting import NOTHING, duration, millions, percent, points, signed, with_spread
from exitprune.measured import NOBODY, WITHIN
from exitprune.params import Params

TEMPLATES = Path(__file__).parent / "templates"
STATES = {"unpruned": "unpruned", "pruned": "after the last round", "recovered": "after recovery"}
DIGITISED = {"exit accuracy": 3, "layer sparsity": 2}
"""Decimals of the paper's values, as they were read off its charts."""
HEADLINES = {
    "sparsity_all": ("Sparsity of all prunable weights", "percent"),
    "sparsity_base": ("Sparsity of the base network", "percent"),
    "sparsity_exits": ("Sparsity of the exit heads", "percent"),
    "last_exit_accuracy": ("Accuracy of the classifier (last exit)", "percent"),
    "early_exits_accuracy": ("Mean accuracy of the early exits", "percent"),
    "last_exit_macs": ("MACs of the whole network, millions", "millions"),
    "cheapest_accuracy": ("Accuracy at the operating point", "percent"),
    "cheapest_macs": ("Average MACs at the operating point, millions", "millions"),
    "best_accuracy": ("Accuracy at the threshold that is best on validation", "percent"),
    "best_macs": ("Average MACs there, millions", "millions"),
}
CHOICES = {
    "best": "most accurate",
    "half": "most accurate within half the MACs",
    "cheapest": "cheapest within {margin} point of accuracy",
}
"""Of the operating points; the MACs are those of the same network when nobody leaves early."""


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it."""

    name: str
    title: str
    caption: str
    svg: bytes

    @property
    def source(self) -> str:
        """The picture as an address that holds its content."""
        return "data:image/svg+xml;base64," + base64.b64encode(self.svg).decode()


def headlines(measures: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Means over seeds of what matters most: column titles and rows of text."""
    values = measures.groupby(["state", "order", "measure"], sort=False)["value"]
    means, stds = values.mean().to_dict(), values.std().to_dict()
    orders = list(measures["order"].unique())
    columns = [("unpruned", orders[0])] + [(state, order) for state in ("pruned", "recovered") for order in orders]
    titles = ["unpruned", *(f"{order}, {STATES[state]}" for state, order in columns[1:])]
    rows = []
    for measure, (label, form) in HEADLINES.items():
        cells = [(*column, measure) for column in columns]
        rows.append([label, *(with_spread(means[cell], stds[cell], form) for cell in cells)])
    return titles, rows


def exit_table(exits: pd.DataFrame, rates: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Per exit: accuracy, MACs and the share of images leaving there at the operating point, after the last round."""
    test = exits[exits["split"] == "test"]
    orders = list(test["order"].unique())
    chosen = rates[(rates["state"] == "pruned") & (rates["choice"] == "cheapest")]
    titles = ["block", "accuracy unpruned, %"]
    for order in orders:
        titles += [f"{order}: accuracy, %", f"{order}: MACs, millions", f"{order}: images leaving, %"]
    rows = []
    for exit_, there in test.groupby("exit"):
        unpruned = there[(there["state"] == "unpruned") & (there["order"] == orders[0])]["accuracy"]
        row = [str(exit_), str(there["block"].iloc[0]), with_spread(unpruned.mean(), unpruned.std(), "percent")]
        for order in orders:
            pruned = there[(there["state"] == "pruned") & (there["order"] == order)]
            leaving = chosen[(chosen["order"] == order) & (chosen["exit"] == exit_)]["exit_rate"]
            row.append(with_spread(pruned["accuracy"].mean(), pruned["accuracy"].std(), "percent"))
            row += [millions(pruned["macs"].mean()), percent(leaving.mean())]
        rows.append(row)
    return titles, rows


def operating_table(points: pd.DataFrame, exits: pd.DataFrame, params: Params) -> tuple[list[str], list[list[str]]]:
    """What thresholds chosen on validation give on test, for every network and rule."""
    dense = exits["macs_dense"].max()
    margin = f"{100 * params.evaluate.margin:g}"
    titles = [
        "network",
        "threshold, lowest to highest",
        "accuracy, %",
        "average MACs, millions",
        "of the dense network's, %",
    ]
    rows = []
    shown = points[(points["state"] != "unpruned") | (points["order"] == points["order"].iloc[0])]
    for (choice, state, order), there in shown.groupby(["choice", "state", "order"], sort=False):
        accuracy, macs, thresholds = there["test_accuracy"], there["test_macs"], there["threshold"]
        rows.append(
            [
                CHOICES[str(choice)].format(margin=margin),
                "unpruned" if state == "unpruned" else f"{order}, {STATES[str(state)]}",
                f"{thresholds.min():.6g} to {thresholds.max():.6g}",
                with_spread(accuracy.mean(), accuracy.std(), "percent"),
                with_spread(macs.mean(), macs.std(), "millions"),
                percent(macs.mean() / dense),
            ]
        )
    return titles, sorted(rows, key=lambda row: row[0])


def emptied_table(emptied: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """What had no weight left at each round, mean over seeds, and what dense kernels still do without it."""
    titles = [
        "round",
        "empty filters, %",
        "empty channels, %",
        "empty branches",
        "of",
        "MACs left after exact removal, %",
    ]
    counts = [name for name in emptied.columns if name not in ("order", "seed", "level", "name", "state")]
    means = emptied.groupby(["order", "level", "state"], sort=False)[counts].mean().reset_index()
    rows = []
    for row in means.to_dict("records"):
        rows.append(
            [
                row["order"],
                "recovered" if row["state"] == "recovered" else str(row["level"]),
                percent(row["empty_filters"] / row["filters"]),
                percent(row["empty_channels"] / row["channels"]),
                f"{row['empty_branches']:.1f}",
                f"{row['branches']:.0f}",
                percent(row["macs_after_removal"] / row["macs_dense"]),
            ]
        )
    return titles, rows


def measured_table(measured: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Of the seed that everything was measured at: ms at batches of 64 on one thread, when nobody leaves and at a point lost."""
    is_shown = (measured["batch"] == 64) & (measured["threads"] == 1) & (measured["seed"] == measured["seed"].iloc[0])
    there = measured[is_shown]
    there = there[there["choice"].isin([NOBODY, WITHIN])]
    means = there.groupby(["network", "choice", "runtime"], sort=False)[["accuracy", "macs", "milliseconds"]].mean()
    runtimes = list(measured["runtime"].unique())
    titles = ["threshold", "accuracy, %", "average MACs, millions", *(f"{runtime}, ms" for runtime in runtimes)]
    rows = []
    for (network, choice), part in means.groupby(["network", "choice"], sort=False):
        first = part.iloc[0]
        times = part["milliseconds"].droplevel(["network", "choice"]).to_dict()
        shown = [f"{times[runtime]:.3f}" if runtime in times else NOTHING for runtime in runtimes]
        rows.append([str(network), str(choice), percent(first["accuracy"]), millions(first["macs"]), *shown])
    return titles, rows


def verdicts(claims: pd.DataFrame, params: Params) -> list[dict[str, Any]]:
    """Each claim with its rule, its verdict in every reading and the differences these rest on."""
    pages = []
    is_named = set(claims["rival"]) != {"sequential"}  # the paper's reading alone needs no name
    for claim in CLAIMS:
        there = claims[claims["claim"] == claim.number]
        readings = [
            {
                "name": f"{RIVALS[str(rival)]}, {STATES[str(state)]}" if is_named else STATES[str(state)],
                "verdict": part["verdict"].iloc[0],
                "parts": part.to_dict("records"),
            }
            for (rival, state), part in there.groupby(["rival", "state"], sort=False)
        ]
        rule = rule_in_words(claim, params.evaluate)
        pages.append({"number": claim.number, "title": claim.title, "rule": rule, "readings": readings})
    return pages


def few_seeds(num: int, confidence: float) -> dict[str, Any]:
    """What a number of seeds can show at best: width of an interval in deviations, and how many bootstrap samples there are."""
    width = float(stats.t.ppf((1 + confidence) / 2, num - 1)) / num**0.5 if num > 1 else math.inf
    return {"num": num, "confidence": confidence, "width": width, "samples": math.comb(2 * num - 1, num)}


def comparison(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Paper / ours / difference, one block per quantity; none for another network than the paper's."""
    blocks = []
    for quantity, digits in DIGITISED.items() if len(table) else ():
        part = table[table["quantity"] == quantity]
        wide = part.pivot(index=["position", "name"], columns="order", values=["paper", "ours", "difference"])
        orders = list(part["order"].unique())
        rows = []
        for name, row in zip(wide.index.get_level_values("name"), wide.to_dict("records"), strict=True):
            cells = [name]
            for order in orders:
                cells += [
                    f"{row['paper', order]:.{digits}f}",
                    f"{row['ours', order]:.3f}",
                    signed(row["difference", order], 3),
                ]
            rows.append(cells)
        blocks.append({"quantity": quantity, "orders": orders, "rows": rows})
    return blocks


def read_jobs(benchmarks: Sequence[Path]) -> list[dict[str, Any]]:
    """Seconds and memory of every job, from Snakemake's benchmark files; the name of a job is that of its file."""
    jobs = []
    for path in sorted(benchmarks):
        row = pd.read_csv(path, sep="\t", na_values=["-", "NA"]).iloc[0]
        jobs.append({"name": path.stem, "seconds": float(row["s"]), "megabytes": float(row["max_rss"])})
    return jobs


def render(
    params: Params,
    manifest: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    pictures: Sequence[Picture],
    environment: Mapping[str, Any],
    jobs: Sequence[Mapping[str, Any]],
    measured: pd.DataFrame | None = None,
) -> str:
    """The whole page.

    Args:
        params: of the study, all of them.
        manifest: of the data.
        tables: by name.
        pictures: in the order they are shown in.
        environment: commit, versions, machine.
        jobs: what `read_jobs` gave.
        measured: inference.csv; None: nothing was measured.
    """
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"percent": percent, "points": points, "millions": millions, "duration": duration}
    return templates.get_template("report.html.j2").render(
        params=params,
        manifest=manifest,
        counts={split: sum(by_class.values()) for split, by_class in manifest["counts"].items()},
        headlines=headlines(tables["measures"]),
        claims=verdicts(tables["claims"], params),
        seeds=few_seeds(len(params.seeds), params.evaluate.confidence_level),
        pictures=pictures,
        comparison=comparison(tables["paper_comparison"]),
        agreement=tables["paper_summary"].to_dict("records"),
        exits=exit_table(tables["exits"], tables["operating_rates"]),
        operating=operating_table(tables["operating_points"], tables["exits"], params),
        emptied=emptied_table(tables["emptied"]),
        measured=None if measured is None else measured_table(measured),
        machine=None if measured is None else measured["machine"].iloc[0],
        measured_seed=None if measured is None else measured["seed"].iloc[0],
        parameters=yaml.safe_dump(params.model_dump(), sort_keys=False, allow_unicode=True),
        environment=environment,
        jobs=jobs,
    )
