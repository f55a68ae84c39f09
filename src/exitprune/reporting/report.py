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

from exitprune.config.params import Params
from exitprune.evaluation.claims import CLAIMS, READINGS, rule_in_words
from exitprune.evaluation.records import About
from exitprune.reporting.formatting import STATES, duration, millions, percent, points
from exitprune.reporting.tables import (
    comparison,
    emptied_table,
    exit_table,
    headlines,
    measured_table,
    operating_table,
)

TEMPLATES = Path(__file__).parent / "templates"


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


def verdicts(claims: pd.DataFrame, params: Params) -> list[dict[str, Any]]:
    """Each claim with its rule, its verdict in every reading and the differences these rest on."""
    pages = []
    is_named = set(claims["against"]) != {"sequential"}  # the paper's reading alone needs no name
    for claim in CLAIMS:
        there = claims[claims["claim"] == claim.number]
        readings = [
            {
                "name": f"{READINGS[str(against)]}, {STATES[str(state)]}" if is_named else STATES[str(state)],
                "verdict": part["verdict"].iloc[0],
                "parts": part.to_dict("records"),
            }
            for (against, state), part in there.groupby(["against", "state"], sort=False)
        ]
        rule = rule_in_words(claim, params.evaluate)
        pages.append({"number": claim.number, "title": claim.title, "rule": rule, "readings": readings})
    return pages


def few_seeds(num: int, confidence: float) -> dict[str, Any]:
    """What a number of seeds can show at best: half the width of an interval in deviations."""
    width = float(stats.t.ppf((1 + confidence) / 2, num - 1)) / num**0.5 if num > 1 else math.inf
    return {"num": num, "confidence": confidence, "width": width}


def jobs_of(abouts: Sequence[About]) -> list[dict[str, Any]]:
    """Seconds of every job that the records tell of; base and heads, which recipes share, once per seed."""
    jobs = {}
    for about in abouts:
        for stage, seconds in about.origin.seconds.items():
            recipe = [] if stage in ("base", "heads") else [about.recipe]
            jobs["-".join([stage, f"seed{about.seed}", *recipe])] = seconds
    return [{"name": name, "seconds": seconds} for name, seconds in sorted(jobs.items())]


def render(
    params: Params,
    manifest: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    pictures: Sequence[Picture],
    environment: Mapping[str, Any],
    page: Mapping[str, Any],
    jobs: Sequence[Mapping[str, Any]],
    measured: pd.DataFrame | None = None,
) -> str:
    """The whole page.

    Args:
        params: of the study, all of them.
        manifest: of the data.
        tables: by name.
        pictures: in the order they are shown in.
        environment: commit, versions, machine, of what pruned the networks.
        page: the same of what writes the page.
        jobs: what `jobs_of` gave.
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
        network=params.model.own.title,
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
        page=page,
        jobs=jobs,
    )
