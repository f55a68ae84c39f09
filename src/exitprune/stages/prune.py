"""Prune by one recipe: all rounds of one seed, each from level k - 1 to level k."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.data import Augment
from exitprune.config.prune import Prune
from exitprune.config.section import Section
from exitprune.data.images import batches, load_split
from exitprune.jobs.compute import set_up
from exitprune.jobs.levels import code_of, level_header, level_path
from exitprune.jobs.progress import LOG, Progress
from exitprune.jobs.provenance import digest, environment, fingerprint
from exitprune.jobs.seeding import generator, seed_of
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.pruning.rounds import plan, prune_
from exitprune.storage import write_json
from exitprune.training.loop import images_seen, train_


class Settings(Section):
    """What a chain of levels depends on beside level 0."""

    prune: Prune
    augment: Augment
    compute: Compute


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    level0: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    seed: Annotated[int, Option()],
    recipe: Annotated[str, Option()],
    store: StoreOption = None,
) -> None:
    """Write one level per round beside `out`; a killed job goes on from its last finished round.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        level0: checkpoint to start from.
        out: levels.json, written last: the levels with their sha256.
        seed: of the run.
        recipe: what the chain is called.
        store: of everything made before; what is there from the same ingredients is taken.
    """
    wanted = Settings.model_validate_json(settings)
    machine = set_up(wanted.compute)
    order, rounds = wanted.prune.order, plan(wanted.prune)
    code = code_of("prune", machine.device, *wanted.prune.variants())
    images = load_split(data, "train", machine.device)
    kept = Store(store)
    per_round = images_seen(images, wanted.prune.finetune)
    current = load_checkpoint(level0, machine.device)
    with Progress(f"prune {recipe}, seed {seed}", len(rounds) * per_round, len(rounds)) as progress:
        for number, (round_, kept_share) in enumerate(rounds, 1):
            progress.start_round(number)
            path = level_path(out.parent, number)
            key = fingerprint(current.header["key"], recipe, order, number, kept_share, wanted.model_dump(), code)
            if kept.take(path, key):
                progress.skip(per_round)
                progress.end_round(f"{path.stem} is there")
                current = load_checkpoint(path, machine.device)
                continue
            draw = generator(seed, order, number, "scores")
            scored_on = batches(images, wanted.prune.finetune.batch_size, wanted.augment, draw)
            masks = prune_(current.network, current.masks, round_, kept_share, wanted.prune, scored_on, draw)
            train_(
                current.network,
                images,
                round_.train,
                wanted.prune.finetune,
                wanted.augment,
                seed_of(seed, order, number),
                masks,
                machine,
                progress,
            )
            header = level_header(
                current.header, path.stem, number, key, recipe=recipe, prune=round_.prune, train=round_.train
            )
            save_checkpoint(path, current.network, masks, header)
            kept.keep(path, key)
            current = load_checkpoint(path, machine.device)
    _drop_surplus(out.parent, len(rounds))
    levels = [level_path(out.parent, number) for number in range(1, len(rounds) + 1)]
    sha256 = {path.name: digest([path]) for path in levels}
    write_json(out, {"recipe": recipe, "seed": seed, "levels": sha256, "environment": environment(machine.name)})


def _drop_surplus(folder: Path, num_rounds: int) -> None:
    """Remove levels of an earlier run with more rounds: they belong to no result any more."""
    wanted = {level_path(folder, number) for number in range(1, num_rounds + 1)}
    for path in set(folder.glob("level-*.safetensors")) - wanted:
        LOG.info("removing %s, left by a run with more rounds", path)
        path.unlink()
