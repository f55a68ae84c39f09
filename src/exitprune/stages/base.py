"""Train the base network, its classifier included; or, at another depth, a plain rival of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.data import Augment
from exitprune.config.model import BaseNetwork
from exitprune.config.section import Section
from exitprune.config.training import Training
from exitprune.data.images import load_manifest, load_split
from exitprune.jobs.compute import set_up
from exitprune.jobs.levels import code_of, level_header
from exitprune.jobs.progress import Progress
from exitprune.jobs.provenance import fingerprint
from exitprune.jobs.seeding import seed_of, seeded
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.checkpoints import save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.training.loop import images_seen, train_
from exitprune.training.resumption import Resumption


class Settings(Section):
    """What the base network depends on; where it will have exits is not part of it."""

    network: BaseNetwork
    augment: Augment
    base: Training
    compute: Compute


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    seed: Annotated[int, Option()],
    store: StoreOption = None,
) -> None:
    """Train from scratch; a killed job goes on from its last finished epoch.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        out: checkpoint to write; a network without early exits.
        seed: of the run.
        store: of everything made before; what is there from the same ingredients is taken.
    """
    wanted = Settings.model_validate_json(settings)
    machine, manifest = set_up(wanted.compute), load_manifest(data)
    key = fingerprint(
        "base",
        manifest["sha256"],
        wanted.model_dump(),
        seed,
        code_of("base", machine.device, ("architectures", wanted.network.architecture)),
    )
    kept = Store(store)
    if kept.take(out, key):
        return
    images = load_split(data, "train", machine.device)
    spec = Spec(
        architecture=wanted.network.architecture,
        settings=wanted.network.settings,
        channels=manifest["channels"],
        height=manifest["height"],
        width=manifest["width"],
        num_classes=len(manifest["classes"]),
        exits=(),
        pool=None,
    )
    with seeded(seed, "base"):
        network = EarlyExitNetwork(spec)
    network.place_(machine.device)
    masks = full_masks(network)
    resumption = Resumption(kept.partial(key, out), key)
    with Progress(f"{out.stem}, seed {seed}", images_seen(images, wanted.base)) as progress:
        train_(
            network,
            images,
            "base",
            wanted.base,
            wanted.augment,
            seed_of(seed, "base"),
            masks,
            machine,
            progress,
            resumption,
        )
    origin = {"seed": seed, "data": manifest["sha256"]}
    origin |= {name: manifest[name] for name in ("classes", "mean", "std")}
    save_checkpoint(out, network, masks, level_header(origin, "base", 0, key))
    kept.keep(out, key)
    resumption.forget()
