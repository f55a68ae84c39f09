"""Logits of every exit on validation and test, and the cost of every exit, for each level of a chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import torch
from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.section import Section
from exitprune.data.images import load_split
from exitprune.deployment.folding import fold
from exitprune.deployment.removal import remove_emptied
from exitprune.evaluation.logits import infer_together, share_a_base
from exitprune.jobs.compute import set_up
from exitprune.jobs.levels import code_of, levels_of
from exitprune.jobs.progress import Progress
from exitprune.jobs.provenance import digest, fingerprint
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.checkpoints import Checkpoint, load_checkpoint
from exitprune.networks.cost import exit_costs, layer_costs
from exitprune.networks.dead_channels import emptied
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.identity import weights_digest
from exitprune.networks.masks import full_masks, sparsity
from exitprune.storage import read_header, write_json, write_tensors


class Settings(Section):
    """What logits depend on beside the levels and the data."""

    compute: Compute


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    level0: Annotated[Path, Option()],
    levels: Annotated[Path, Option()],
    recovered: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    seed: Annotated[int, Option()],
    recipe: Annotated[str, Option()],
    store: StoreOption = None,
) -> None:
    """Write one file of logits per level beside `out`; a killed job goes on where it was.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        level0: the unpruned network with trained heads.
        levels: levels.json of the chain.
        recovered: the checkpoint after recovery.
        out: evaluation.json, written last.
        seed: of the run.
        recipe: of the chain.
        store: of everything made before; what is there from the same ingredients is taken.
    """
    wanted = Settings.model_validate_json(settings)
    machine = set_up(wanted.compute)
    code = code_of("evaluate", machine.device)
    splits = {name: load_split(data, name, machine.device) for name in ("validation", "test")}
    num_images = sum(len(images) for images in splits.values())
    chain = {path: read_header(path) for path in (level0, *levels_of(levels), recovered)}
    files = {path: out.parent / "logits" / f"{header['name']}.safetensors" for path, header in chain.items()}
    keys = {path: fingerprint(header["key"], recipe, wanted.model_dump(), code) for path, header in chain.items()}
    kept = Store(store)
    missing = [path for path in chain if not kept.take(files[path], keys[path])]
    with Progress(f"evaluate {recipe}, seed {seed}", len(chain) * num_images, len(chain)) as progress:
        progress.skip((len(chain) - len(missing)) * num_images)
        for stretch in _sharing_a_base(missing, machine.device):
            folded = [fold(checkpoint.network) for checkpoint in stretch.values()]
            parts = [infer_together(folded, images) for images in splits.values()]
            for path, network, *logits in zip(stretch, folded, *parts, strict=True):
                progress.start_round(list(chain).index(path) + 1)
                about = {**_about(stretch[path], network), "seed": seed, "recipe": recipe, "key": keys[path]}
                write_tensors(files[path], dict(zip(splits, logits, strict=True)), about)
                kept.keep(files[path], keys[path])
                progress.step(num_images)
                progress.end_round(chain[path]["name"])
    for stale in set(out.parent.glob("logits/*.safetensors")) - set(files.values()):
        stale.unlink()
    entries = [
        {
            "name": header["name"],
            "level": header["level"],
            "file": str(files[path].relative_to(out.parent)),
            "sha256": digest([files[path]]),
        }
        for path, header in chain.items()
    ]
    write_json(out, {"seed": seed, "recipe": recipe, "levels": entries})


def _sharing_a_base(paths: Sequence[Path], device: torch.device) -> Iterator[dict[Path, Checkpoint]]:
    """The checkpoints, in stretches whose base networks are the same: what the rounds on the exits leave behind."""
    stretch: dict[Path, Checkpoint] = {}
    for path in paths:
        checkpoint = load_checkpoint(path, device)
        if stretch and not share_a_base(next(iter(stretch.values())).network, checkpoint.network):
            yield stretch
            stretch = {}
        stretch[path] = checkpoint
    if stretch:
        yield stretch


def _about(checkpoint: Checkpoint, folded: EarlyExitNetwork) -> dict[str, Any]:
    """Which level, how sparse, what everything costs, and what is empty and what exact removal leaves to dense kernels."""
    network, masks, smaller = checkpoint.network, checkpoint.masks, remove_emptied(folded)
    return {
        **{name: checkpoint.header[name] for name in ("name", "level", "prune", "train")},
        "weights_sha256": weights_digest(network),
        "sparsity": {group: sparsity(masks, network.named_layers(group)) for group in ("all", "base", "exits")},
        "layers": [asdict(cost) for cost in layer_costs(network, masks)],
        "exits": [asdict(cost) for cost in exit_costs(network, masks)],
        "emptied": [asdict(row) for row in emptied(network)],
        "macs_after_removal": sum(cost.macs for cost in layer_costs(smaller, full_masks(smaller))),
    }
