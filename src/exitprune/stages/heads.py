"""Give the base network exits and train their heads: level 0, the unpruned network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.data import Augment
from exitprune.config.model import Model
from exitprune.config.section import Section
from exitprune.config.training import Heads
from exitprune.jobs.compute import set_up
from exitprune.jobs.progress import Rate
from exitprune.jobs.seeding import seed_of
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.as_drawn import with_heads_as_drawn
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.cuts import check_cuts
from exitprune.networks.groups import Group
from exitprune.networks.masks import full_masks
from exitprune.origin.digests import fingerprint
from exitprune.origin.levels import code_of, level_header
from exitprune.stages._training import Job


class Settings(Section):
    """What level 0 depends on beside the base network."""

    model: Model
    augment: Augment
    heads: Heads
    compute: Compute


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    base: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    seed: Annotated[int, Option()],
    store: StoreOption = None,
) -> None:
    """Train the heads on the frozen base network, or both together; a killed job goes on from its last finished epoch.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        base: checkpoint of the base network.
        out: checkpoint to write.
        seed: of the run.
        store: of everything made before; what is there from the same ingredients is taken.
    """
    wanted = Settings.model_validate_json(settings)
    machine, told = set_up(wanted.compute), wanted.model_dump()
    trained = load_checkpoint(base)
    key = fingerprint("heads", trained.header["key"], told, code_of("heads", machine.device, told))
    spec = replace(trained.network.spec, exits=tuple(wanted.model.exits), pool=wanted.model.pool)
    check_cuts(spec)
    network = with_heads_as_drawn(trained.network, spec, seed)
    network.place_(machine.device)
    header = level_header(trained.header, "level-00", 0, key, told)
    rate = Rate("heads.lr", wanted.heads.lr, before="base.lr")
    job = Job(f"heads, seed {seed}", data, out, header, machine, Store(store), rate)
    group: Group = "exits" if wanted.heads.train == "frozen" else "all"
    job.train(network, full_masks(network), group, wanted.heads, wanted.augment, seed_of(seed, "heads"))
