"""Recovery: train everything that is left after the last round, masks fixed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.data import Augment
from exitprune.config.section import Section
from exitprune.config.training import Training
from exitprune.jobs.compute import set_up
from exitprune.jobs.progress import Rate
from exitprune.jobs.seeding import seed_of
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.origin.digests import fingerprint
from exitprune.origin.levels import code_of, level_header, levels_of
from exitprune.stages._training import Job


class Settings(Section):
    """What recovery depends on beside the last level."""

    architecture: str
    purpose: str
    """Of the random numbers: the name of the chain's order, so that recipes of one order see the same batches."""
    augment: Augment
    recovery: Training
    compute: Compute


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    levels: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    seed: Annotated[int, Option()],
    recipe: Annotated[str, Option()],
    store: StoreOption = None,
) -> None:
    """Fine-tune the last level; a killed job goes on from its last finished epoch.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        levels: levels.json of the chain.
        out: checkpoint to write.
        seed: of the run.
        recipe: of the chain.
        store: of everything made before; what is there from the same ingredients is taken.
    """
    wanted = Settings.model_validate_json(settings)
    machine, told = set_up(wanted.compute), wanted.model_dump()
    last = load_checkpoint(levels_of(levels)[-1], machine.device)
    key = fingerprint("recover", last.header["key"], told, code_of("recover", machine.device, told))
    header = level_header(last.header, "recovered", last.header["level"], key, told, recipe=recipe, train="all")
    rate = Rate("recovery.lr", wanted.recovery.lr, before="finetune.lr")
    job = Job(f"recover {recipe}, seed {seed}", data, out, header, machine, Store(store), rate)
    seed = seed_of(seed, wanted.purpose, "recovery")
    job.train(last.network, last.masks, "all", wanted.recovery, wanted.augment, seed)
