"""Recovery: train everything that is left after the last round, masks fixed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.data import Augment
from exitprune.config.section import Section
from exitprune.config.training import Training
from exitprune.data.images import load_split
from exitprune.jobs.compute import set_up
from exitprune.jobs.levels import code_of, level_header, levels_of
from exitprune.jobs.progress import Progress
from exitprune.jobs.provenance import fingerprint
from exitprune.jobs.seeding import seed_of
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.training.loop import images_seen, train_
from exitprune.training.resumption import Resumption


class Settings(Section):
    """What recovery depends on beside the last level."""

    order: str
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
    machine = set_up(wanted.compute)
    last = load_checkpoint(levels_of(levels)[-1], machine.device)
    images = load_split(data, "train", machine.device)
    key = fingerprint("recover", last.header["key"], wanted.model_dump(), code_of("recover", machine.device))
    kept = Store(store)
    if kept.take(out, key):
        return
    resumption = Resumption(kept.partial(key, out), key)
    num_images = images_seen(images, wanted.recovery)
    with Progress(f"recover {recipe}, seed {seed}", num_images) as progress:
        train_(
            last.network,
            images,
            "all",
            wanted.recovery,
            wanted.augment,
            seed_of(seed, wanted.order, "recovery"),
            last.masks,
            machine,
            progress,
            resumption,
        )
    header = level_header(last.header, "recovered", last.header["level"], key, recipe=recipe, train="all")
    save_checkpoint(out, last.network, last.masks, header)
    kept.keep(out, key)
    resumption.forget()
