"""Records to tables, summary and metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from typer import Option

from exitprune.config.evaluate import Evaluate
from exitprune.config.section import Section
from exitprune.evaluation.headline import headline
from exitprune.evaluation.record_reading import read_record
from exitprune.evaluation.study import study_of
from exitprune.evaluation.summary import summary
from exitprune.reporting.declared import figures_with_a_table, table_names
from exitprune.storage import write_bytes, write_json
from exitprune.variants import variant


class Settings(Section):
    """What tables depend on beside the records."""

    evaluate: Evaluate


def main(
    settings: Annotated[str, Option()],
    record: Annotated[list[Path], Option()],
    tables: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
) -> None:
    """Write one CSV file per table, then the metrics, and the summary last.

    Args:
        settings: JSON, see `Settings`.
        record: folder of the record of every seed and recipe.
        tables: folder for the CSV files; those of an earlier run that are not made any more are removed.
        out: summary.json; metrics.json, flat and short, is written beside it.
    """
    wanted = Settings.model_validate_json(settings)
    torch.set_num_threads(1)  # many small operations: a second thread costs more than it gives
    study = study_of([read_record(folder) for folder in record], wanted.evaluate)
    own = figures_with_a_table()
    names = table_names()
    made = {name: variant("figures", name).table(study) if name in own else study.table(name) for name in names}
    for stale in set(tables.glob("*.csv")) - {tables / f"{name}.csv" for name in names}:
        stale.unlink()
    for name, table in made.items():
        write_bytes(tables / f"{name}.csv", table.to_csv(index=False, float_format="%.8g").encode())
    write_json(
        out.with_name("metrics.json"),
        headline(
            {name: made[name] for name in ("measures", "claims")},
            wanted.evaluate.confidence_level,
            study.records[0].about.data,
        ),
    )
    write_json(out, summary(study))
