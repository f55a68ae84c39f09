"""Tables and figures to report.html."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option

from exitprune.config.params import Params
from exitprune.deployment.measured_times import read_measured
from exitprune.jobs.provenance import environment, merged
from exitprune.reporting.report import Picture, read_jobs, render
from exitprune.storage import write_bytes
from exitprune.variants import names_of, variant


def main(
    settings: Annotated[str, Option()],
    manifest: Annotated[Path, Option()],
    tables: Annotated[Path, Option()],
    figures: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    benchmark: Annotated[list[Path], Option()] = [],  # noqa: B006 (typer reads it, nobody changes it)
    chain: Annotated[list[Path], Option()] = [],  # noqa: B006 (typer reads it, nobody changes it)
) -> None:
    """Write the page.

    Args:
        settings: JSON, all parameters of the study.
        manifest: data.json.
        tables: folder with the CSV files.
        figures: folder with one SVG file per figure.
        out: report.html.
        chain: levels.json of every seed and recipe, which tell where they were computed.
        benchmark: Snakemake's benchmark files of the study's jobs.
    """
    modules = sorted(((name, variant("figures", name)) for name in names_of("figures")), key=lambda pair: pair[1].PLACE)
    page = render(
        Params.model_validate_json(settings),
        json.loads(manifest.read_text()),
        {path.stem: pd.read_csv(path) for path in sorted(tables.glob("*.csv"))},
        [Picture(name, made.TITLE, made.CAPTION, (figures / f"{name}.svg").read_bytes()) for name, made in modules],
        merged([json.loads(path.read_text())["environment"] for path in chain] or [environment()]),
        environment(),
        read_jobs(benchmark),
        read_measured(tables),
    )
    write_bytes(out, page.encode())
