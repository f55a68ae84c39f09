"""Train the base network, its classifier included; or, at another depth, a plain rival of it; or only its first epochs."""

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
from exitprune.errors import BadInput
from exitprune.jobs.compute import set_up
from exitprune.jobs.progress import LOG, Rate
from exitprune.jobs.seeding import seed_of
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.as_drawn import base_as_drawn
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.cuts import check_cuts
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.map_shapes import map_shapes
from exitprune.networks.masks import full_masks
from exitprune.origin.digests import digest, fingerprint
from exitprune.origin.levels import code_of, level_header
from exitprune.stages._training import Job
from exitprune.training.after import chance_of_
from exitprune.training.callbacks import Callback


class Settings(Section):
    """What the base network depends on; where it will have exits is not part of it."""

    network: BaseNetwork
    augment: Augment
    base: Training
    compute: Compute


class Until(Callback):
    """Stops after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        """Whether it is the last."""
        return epoch >= self.epochs


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    seed: Annotated[int, Option()],
    until: Annotated[int | None, Option()] = None,
    store: StoreOption = None,
) -> None:
    """Train from scratch; a killed job goes on from its last finished epoch.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        out: checkpoint to write; a network without early exits.
        seed: of the run.
        until: stop after so many epochs of the same training; not given: after all.
        store: of everything made before; what is there from the same ingredients is taken.
    """
    wanted = Settings.model_validate_json(settings)
    machine, manifest = set_up(wanted.compute), load_manifest(data)
    told = wanted.model_dump()
    files = wanted.network.own.files
    own_files = [digest(files)] if files else []
    key = fingerprint("base", manifest["sha256"], told, seed, until, code_of("base", machine.device, told), *own_files)
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
    try:
        map_shapes(spec)
        check_cuts(spec)
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(f"model: {error}; choose another architecture, or larger images") from None
    network = base_as_drawn(spec, seed)
    network.place_(machine.device)
    origin = {"seed": seed, "data": manifest["sha256"]}
    origin |= {name: manifest[name] for name in ("classes", "mean", "std", "resized") if name in manifest}
    header, rate = level_header(origin, "base", 0, key, told), Rate("base.lr", wanted.base.lr)
    job = Job(f"{out.stem}, seed {seed}", data, out, header, machine, Store(store), rate)
    callbacks = [] if until is None else [Until(until)]
    job.train(network, full_masks(network), "base", wanted.base, wanted.augment, seed_of(seed, "base"), callbacks)
    trained, held_out = load_checkpoint(out, machine.device).network, load_split(data, "validation", machine.device)
    if until is None and (warning := chance_of_(trained, held_out, f"{out.stem}, seed {seed},")):
        LOG.warning("%s", warning)
