"""The report of a study. Every number on it was read from a table.

What is here formats; it computes nothing beyond means of what it shows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup
from scipy.special import stdtrit

from exitprune.config.about import about
from exitprune.config.params import Params
from exitprune.evaluation.claims import CLAIMS, PRIMARY, UNTESTED, rule_in_words
from exitprune.evaluation.exit_times import Times
from exitprune.evaluation.guessing import chance
from exitprune.evaluation.pairs import POSTERS
from exitprune.evaluation.records import About
from exitprune.reporting.about import data_name, num_images
from exitprune.reporting.answer.deploys import deploys
from exitprune.reporting.answer.found import found, has_claims
from exitprune.reporting.answer.saves import saves
from exitprune.reporting.answer.sure import sure
from exitprune.reporting.claim_tables import agreement_table, claim_rows, comparison, scatter_rows
from exitprune.reporting.formatting import STATES, counted, joined, share
from exitprune.reporting.glossary import entries
from exitprune.reporting.links import links, public_address
from exitprune.reporting.origin_tables import recipe_table, seed_table
from exitprune.reporting.page import Picture, whole_page
from exitprune.reporting.study_data import as_json, study_data
from exitprune.reporting.tables import (
    emptied_table,
    energy_in_words,
    exit_table,
    headlines,
    measured_table,
    operating_table,
)


def verdicts(claims: pd.DataFrame, params: Params) -> list[dict[str, Any]]:
    """Each claim that was tested with its rule, and its verdict in every comparison with the difference that this rests on."""
    pages = []
    for claim in CLAIMS:
        tested_ones = claims[(claims["claim"] == claim.number) & (claims["verdict"] != UNTESTED)]
        there: list[dict[Any, Any]] = tested_ones.to_dict("records")
        readings = [
            {
                "name": f"against {row['against']}, {STATES[row['state']]}",
                "is_primary": row["role"] == PRIMARY,
                "verdict": row["verdict"],
                "part": row,
            }
            for row in there
        ]
        if readings:
            rule, rows = rule_in_words(claim, params.evaluate), claim_rows(there)
            about = {"number": claim.number, "title": claim.title, "unit": claim.unit, "label": claim.label}
            pages.append({**about, "rule": rule, "readings": readings, "rows": rows})
    return pages


def few_seeds(num: int, confidence: float) -> dict[str, Any]:
    """What a number of seeds can show at best: half the width of an interval in deviations."""
    width = float(stdtrit(num - 1, (1 + confidence) / 2)) / num**0.5 if num > 1 else math.inf
    return {"num": num, "confidence": confidence, "width": width}


def jobs_of(abouts: Sequence[About]) -> list[dict[str, Any]]:
    """Seconds of every job that the records tell of; base and heads once per seed, but for recipes that do not share them."""
    jobs: dict[str, float] = {}
    for one in abouts:
        for stage, seconds in one.origin.seconds.items():
            of_seed = f"{stage}-seed{one.seed}"
            is_shared = stage in ("base", "heads") and jobs.get(of_seed, seconds) == seconds
            jobs[of_seed if is_shared else f"{of_seed}-{one.recipe}"] = seconds
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
    remote: str | None = None,
    by_exit: Mapping[str, Sequence[Times]] = MappingProxyType({}),
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
        remote: of the git repository; None: there is none.
        by_exit: what each exit took, by the digest of the network's weights.
    """
    judged = verdicts(tables["claims"], params)
    made = {
        "headlines": headlines(tables["measures"]),
        "exits": exit_table(tables["exits"], tables["operating_rates"]),
        "operating": operating_table(tables["operating_points"], tables["exits"], params),
        "emptied": emptied_table(tables["emptied"]),
        "measured": None if measured is None else measured_table(measured),
        "comparison": comparison(tables["paper_comparison"]),
        "seed_table": seed_table(tables["seeds"]),
        "recipe_table": recipe_table(params),
    }
    sections = {
        "try": "Move the threshold",
        "choose": "What may I deploy?",
        **({"claims": "Verdicts on the paper’s claims"} if judged else {}),
        **({"seeds": f"How little {counted(len(params.seeds), 'seed')} can show"} if judged else {}),
        "headlines": "Headline numbers",
        **({"figures": "Figures"} if pictures else {}),
        **({"paper": "Paper, ours, difference"} if made["comparison"] else {}),
        "exits": "Every exit in numbers",
        "operating": "Operating points",
        **({"emptied": "What pruning emptied"} if made["emptied"] else {}),
        **({"measured": "Measured time"} if made["measured"] else {}),
        "how": "How it was done",
        "provenance": "Provenance",
        "words": "Words",
    }
    deploy = deploys(tables, params)
    data = study_data(params, manifest, tables, environment, measured, by_exit)
    return whole_page(
        "report.html.j2",
        **made,
        params=params,
        units=about("granularities", params.granularity.name).goes[0],
        title=title(params, manifest, has_claims(tables["claims"])),
        manifest=manifest,
        data_name=data_name(manifest),
        chance=chance(manifest),
        nearest_neighbour=manifest.get("nearest_neighbour"),
        num_images=num_images(manifest),
        counts={split: sum(by_class.values()) for split, by_class in manifest["counts"].items()},
        num_test=sum(manifest["counts"]["test"].values()),
        recipes=data["recipes"],
        answer={
            "found": found(tables),
            "sure": sure(tables, params, manifest),
            "saves": saves(tables, manifest, deploy, measured),
        },
        deploy=deploy,
        gone=joined([share(one) for one in sorted({recipe.sparsity for recipe in params.recipes.values()})]),
        rounds=joined([str(one) for one in sorted({recipe.rounds for recipe in params.recipes.values()})]),
        sections=sections,
        numbers={name: place for place, name in enumerate(sections, 1)},
        claims=judged,
        seeds=few_seeds(len(params.seeds), params.evaluate.confidence_level),
        scatter=scatter_rows(reading["part"] for claim in judged for reading in claim["readings"]),
        posters=POSTERS,
        pictures=pictures,
        agreement=tables["paper_summary"].to_dict("records"),
        agreement_rows=agreement_table(tables["paper_summary"]),
        machine=None if measured is None else measured["machine"].iloc[0],
        energy=energy_in_words(measured),
        measured_seed=None if measured is None else measured["seed"].iloc[0],
        times=data["times"],
        parameters=yaml.safe_dump(params.model_dump(exclude={"recipes"}), sort_keys=False, allow_unicode=True),
        environment=environment,
        processors=joined(list(tables["seeds"]["processor"].unique())),
        page=page,
        jobs=jobs,
        job_rows=[[job["name"], f"{job['seconds']:.1f}"] for job in jobs],
        links=links(public_address(remote) if remote else None, page["commit"]),
        words=entries(),
        study_data=Markup(as_json(data)),
    )


def title(params: Params, manifest: Mapping[str, Any], is_pair: bool) -> str:
    """The question, if the paper's pair was compared, and of what it was asked."""
    about = f"{params.model.own.title} with early exits on {data_name(manifest)}"
    return f"{'Prune together or in order? ' if is_pair else ''}Pruning {about}"
