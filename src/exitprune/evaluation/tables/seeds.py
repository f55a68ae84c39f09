"""Where every record comes from: commit, day, processor, threads, precision, versions, seconds of each stage."""

from __future__ import annotations

import pandas as pd

from exitprune.evaluation.study import Study


def table(study: Study) -> pd.DataFrame:
    """One row per record; `seconds_<stage>` is empty where a stage was not timed."""
    rows = []
    for record in study.records:
        about, origin = record.about, record.about.origin
        row = {"recipe": about.recipe, "seed": about.seed}
        row |= origin.model_dump(include={"commit", "dirty", "date", "processor", "machine", "python"})
        row |= {"torch": origin.versions.get("torch"), **origin.compute, "data": about.data["sha256"]}
        rows.append({**row, **{f"seconds_{stage}": seconds for stage, seconds in origin.seconds.items()}})
    return pd.DataFrame(rows)
