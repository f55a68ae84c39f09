"""Tables and figures to report.html."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option

from exitprune.config.params import Params
from exitprune.deployment.measured_times import BY_EXIT, read_measured, read_times
from exitprune.evaluation.record_reading import read_about
from exitprune.origin.environment import environment, merged, remote
from exitprune.reporting.page import Picture
from exitprune.reporting.report import jobs_of, render
from exitprune.reporting.study_data import as_json
from exitprune.storage import write_bytes
from exitprune.variants import names_of


def main(
    settings: Annotated[str, Option()],
    tables: Annotated[Path, Option()],
    figures: Annotated[Path, Option()],
    captions: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    record: Annotated[list[Path], Option()],
) -> None:
    """Write the page.

    Args:
        settings: JSON, all parameters of the study.
        tables: folder with the CSV files.
        figures: folder with one SVG file per figure.
        captions: folder with what the stage `figure` says of each, JSON.
        out: report.html.
        record: folder of the record of every seed and recipe.
    """
    abouts = [read_about(folder) for folder in record]
    page = render(
        Params.model_validate_json(settings),
        abouts[0].data,
        {path.stem: pd.read_csv(path) for path in sorted(tables.glob("*.csv"))},
        read_pictures(figures, captions),
        merged([about.origin.model_dump() for about in abouts]),
        environment(),
        jobs_of(abouts),
        read_measured(tables),
        remote(),
        read_times(tables.parent / BY_EXIT),
    )
    write_bytes(out, page.encode())


def read_pictures(figures: Path, captions: Path) -> list[Picture]:
    """The figures that have something to show, in their order."""
    about = {name: json.loads((captions / f"{name}.json").read_text(encoding="utf-8")) for name in names_of("figures")}
    return [
        Picture(
            name,
            said["title"],
            said["caption"],
            said["alt"],
            (figures / f"{name}.svg").read_bytes(),
            as_json(said["points"]) if said["points"] else "",
            said["tables"],
        )
        for name, said in sorted(about.items(), key=lambda item: item[1]["place"])
        if "nothing" not in said
    ]
