"""Copy a study's runs, with Snakemake's records of them, to where DVC keeps versions."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from exitprune.jobs.alone import hold, lock_of
from exitprune.jobs.versions import publish


def main(study: Annotated[str, Option()]) -> None:
    """Called by the stage of dvc.yaml when Snakemake has ended well; none begins while it copies.

    Args:
        study: by its name.
    """
    hold(lock_of(study), "what it makes is copied once it has ended")
    publish(study)
