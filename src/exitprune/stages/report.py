"""Tables and figures to report.html."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option

from exitprune.config.params import Params
from exitprune.deployment.measured_times import read_measured
from exitprune.evaluation.records import read_about
from exitprune.jobs.provenance import environment, merged
from exitprune.reporting.report import Picture, jobs_of, render
from exitprune.storage import write_bytes
from exitprune.variants import names_of, variant


def main(
    settings: Annotated[str, Option()],
    tables: Annotated[Path, Option()],
    figures: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    record: Annotated[list[Path], Option()],
) -> None:
    """Write the page.

    Args:
        settings: JSON, all parameters of the study.
        tables: folder with the CSV files.
        figures: folder with one SVG file per figure.
        out: report.html.
        record: folder of the record of every seed and recipe.
    """
    modules = sorted(((name, variant("figures", name)) for name in names_of("figures")), key=lambda pair: pair[1].PLACE)
    abouts = [read_about(folder) for folder in record]
    page = render(
        Params.model_validate_json(settings),
        abouts[0].data,
        {path.stem: pd.read_csv(path) for path in sorted(tables.glob("*.csv"))},
        [Picture(name, made.TITLE, made.CAPTION, (figures / f"{name}.svg").read_bytes()) for name, made in modules],
        merged([about.origin.model_dump() for about in abouts]),
        environment(),
        jobs_of(abouts),
        read_measured(tables),
    )
    write_bytes(out, page.encode())
