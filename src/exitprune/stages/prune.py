"""Prune by one recipe: all rounds of one seed, each from level k - 1 to level k."""

from __future__ import annotations

import copy
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.choice import made as chosen
from exitprune.config.compute import Compute
from exitprune.config.data import Augment
from exitprune.config.prune import Prune
from exitprune.config.section import Section
from exitprune.config.training import Training
from exitprune.data.images import load_split
from exitprune.jobs.compute import set_up
from exitprune.jobs.progress import LOG, Progress, Rate
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks
from exitprune.origin.digests import digest, fingerprint
from exitprune.origin.environment import environment
from exitprune.origin.levels import code_of, level_header, level_path
from exitprune.pruning.chain import Chain
from exitprune.pruning.rounds import plan, rate_of, training_of
from exitprune.storage import read_tensors, write_json, write_tensors
from exitprune.training.loop import images_seen
from exitprune.training.resumption import Resumption


class Settings(Section):
    """What a chain of levels depends on beside level 0."""

    architecture: str
    prune: Prune
    base: Training
    augment: Augment
    compute: Compute


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    level0: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    seed: Annotated[int, Option()],
    recipe: Annotated[str, Option()],
    base: Annotated[Path | None, Option()] = None,
    snapshot: Annotated[Path | None, Option()] = None,
    store: StoreOption = None,
) -> None:
    """Write one level per round beside `out`; a killed job goes on from its last finished round.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        level0: checkpoint of the unpruned network.
        out: levels.json, written last: the levels with their sha256.
        seed: of the run.
        recipe: what the chain is called.
        base: checkpoint of the network without exits, if heads are added after it is pruned.
        snapshot: the same after the epoch of base training that weights are rewound to, if they are.
        store: of everything made before; what is there from the same ingredients is taken.
    """
    wanted = Settings.model_validate_json(settings)
    machine = set_up(wanted.compute)
    images = load_split(data, "train", machine.device)
    told = {**wanted.model_dump(), "prune": wanted.prune.spelt_out()}
    origin = load_checkpoint(level0, machine.device)
    code = code_of("prune", machine.device, told)
    kept, key = Store(store), fingerprint(origin.header["key"], recipe, wanted.model_dump(), code)
    steps = plan(wanted.prune)
    trainings = [training_of(step, wanted.prune, wanted.base) for step in steps]
    num_images = [images_seen(images, training) for training in trainings]
    criterion = chosen("criteria", wanted.prune.criterion)
    if criterion.trains_first:
        first = [images_seen(images, criterion.first(wanted.prune.of_round(step.train))) for step in steps]
        num_images = [num + more * bool(step.prune) for num, more, step in zip(num_images, first, steps, strict=True)]
    with Progress(f"prune {recipe}, seed {seed}", sum(num_images), len(steps)) as progress:
        chain = Chain(
            wanted.prune,
            wanted.base,
            wanted.augment,
            images,
            origin.network,
            _network(base),
            _network(snapshot),
            seed,
            machine,
            progress,
            partial(_partial, kept, out, key),
            load_split(data, "validation", machine.device),
        )
        network, masks, header, remembers = None, full_masks(origin.network), origin.header, False
        for number, step in enumerate(steps, 1):
            progress.start_round(number)
            path, memory = level_path(out.parent, number), out.parent / f"method-{number:02d}.safetensors"
            key = fingerprint(key, number, asdict(step))
            if kept.take(path, key):
                progress.skip(num_images[number - 1])
                progress.end_round(f"{path.stem} is there")
                made = load_checkpoint(path, machine.device)
                network, masks, header = made.network, made.masks, made.header
                if kept.take(memory, fingerprint(key, "method")):
                    chain.criterion.load_state_dict(read_tensors(memory)[0])
                    remembers = True
                continue
            network = network or copy.deepcopy(chain.begin)
            before = "heads.lr or base.lr" if number == 1 else rate_of(steps[number - 2])
            progress.rate = Rate(rate_of(step), trainings[number - 1].lr, before)
            masks = chain.step_(number, network, masks)
            remembered = chain.criterion.state_dict()
            if remembers := remembers or bool(remembered):  # also that there is nothing any more
                write_tensors(memory, remembered, {"key": fingerprint(key, "method")})
                kept.keep(memory, fingerprint(key, "method"))
            header = level_header(
                header, path.stem, number, key, told, recipe=recipe, prune=step.prune, train=step.train
            )
            save_checkpoint(path, network, masks, header)
            kept.keep(path, key)
    _drop_surplus(out.parent, len(steps))
    levels = [level_path(out.parent, number) for number in range(1, len(steps) + 1)]
    sha256 = {path.name: digest([path]) for path in levels}
    write_json(out, {"recipe": recipe, "seed": seed, "levels": sha256, "environment": environment(machine.name)})
    chain.forget()


def _partial(kept: Store, out: Path, key: str, name: str) -> Resumption:
    """Where a training of the chain keeps its state."""
    key = fingerprint(key, name)
    return Resumption(kept.partial(key, out.with_name(f"{name}.safetensors")), key)


def _network(path: Path | None) -> EarlyExitNetwork | None:
    return None if path is None else load_checkpoint(path).network


def _drop_surplus(folder: Path, num_rounds: int) -> None:
    """Remove levels of an earlier run with more rounds: they belong to no result any more."""
    wanted = {level_path(folder, number) for number in range(num_rounds + 1)}  # level 0 may be of this recipe alone
    for path in set(folder.glob("level-*.safetensors")) - wanted:
        LOG.info("removing %s, left by a run with more rounds", path)
        path.unlink()
