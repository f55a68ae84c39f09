"""Give the base network exits and train their heads: level 0, from which every order starts."""

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
from exitprune.data.images import load_split
from exitprune.jobs.compute import set_up
from exitprune.jobs.levels import code_of, level_header
from exitprune.jobs.progress import Progress
from exitprune.jobs.provenance import fingerprint
from exitprune.jobs.seeding import seed_of, seeded
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks
from exitprune.training.loop import images_seen, train_
from exitprune.training.resumption import Resumption


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
    machine = set_up(wanted.compute)
    trained = load_checkpoint(base)
    code = code_of("heads", machine.device, ("architectures", trained.network.spec.architecture))
    key = fingerprint(
        "heads",
        trained.header["key"],
        wanted.model_dump(),
        code,
    )
    kept = Store(store)
    if kept.take(out, key):
        return
    spec = replace(trained.network.spec, exits=tuple(wanted.model.exits), pool=wanted.model.pool)
    with seeded(seed, "heads"):
        network = EarlyExitNetwork(spec)
    network.base.load_state_dict(trained.network.base.state_dict())
    network.place_(machine.device)
    masks = full_masks(network)
    resumption = Resumption(kept.partial(key, out), key)
    images = load_split(data, "train", machine.device)
    with Progress(f"heads, seed {seed}", images_seen(images, wanted.heads)) as progress:
        train_(
            network,
            images,
            "exits" if wanted.heads.train == "frozen" else "all",
            wanted.heads,
            wanted.augment,
            seed_of(seed, "heads"),
            masks,
            machine,
            progress,
            resumption,
        )
    save_checkpoint(out, network, masks, level_header(trained.header, "level-00", 0, key))
    kept.keep(out, key)
    resumption.forget()
