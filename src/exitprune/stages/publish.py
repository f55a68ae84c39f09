"""Copy a study's runs, with Snakemake's records of them, to where DVC keeps versions."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from exitprune.jobs.versions import publish


def main(study: Annotated[str, Option()]) -> None:
    """Called by the stage of dvc.yaml when Snakemake has ended well.

    Args:
        study: by its name.
    """
    publish(study)
