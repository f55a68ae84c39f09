"""Logits of every exit on validation and test, and the cost of every exit, for each level of a chain."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from exitprune.checkpoints import Checkpoint, load_checkpoint, read_header, write_json, write_tensors
from exitprune.compute import set_up
from exitprune.cost import exit_costs, layer_costs
from exitprune.early_exit import EarlyExitNetwork
from exitprune.emptied import emptied
from exitprune.folding import fold
from exitprune.inference import infer
from exitprune.levels import code_of, is_made_from, levels_of
from exitprune.masks import full_masks, sparsity
from exitprune.params import Compute, Section
from exitprune.prepared import load_split
from exitprune.progress import Progress
from exitprune.provenance import digest, fingerprint
from exitprune.removal import remove_emptied


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
    order: Annotated[str, Option()],
) -> None:
    """Write one file of logits per level beside `out`; a killed job goes on from its last finished level.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        level0: the unpruned network with trained heads.
        levels: levels.json of the chain.
        recovered: the checkpoint after recovery.
        out: evaluation.json, written last.
        seed: of the run.
        order: of the chain.
    """
    wanted = Settings.model_validate_json(settings)
    machine = set_up(wanted.compute)
    code = code_of("evaluate")
    splits = {name: load_split(data, name, machine.device) for name in ("validation", "test")}
    num_images = sum(len(images) for images in splits.values())
    checkpoints = [level0, *levels_of(levels), recovered]
    entries = []
    with Progress(f"evaluate {order}, seed {seed}", len(checkpoints) * num_images, len(checkpoints)) as progress:
        for number, path in enumerate(checkpoints, 1):
            progress.start_round(number)
            header = read_header(path)
            file = out.parent / "logits" / f"{header['name']}.safetensors"
            key = fingerprint(header["key"], wanted.model_dump(), code)
            if is_made_from(file, key):
                progress.skip(num_images)
            else:
                checkpoint = load_checkpoint(path, machine.device)
                folded = fold(checkpoint.network)
                logits = {name: infer(folded, images, precision=machine.precision) for name, images in splits.items()}
                write_tensors(file, logits, {**_about(checkpoint, folded), "seed": seed, "order": order, "key": key})
                progress.step(num_images)
            progress.end_round(header["name"])
            entries.append(
                {
                    "name": header["name"],
                    "level": header["level"],
                    "file": str(file.relative_to(out.parent)),
                    "sha256": digest([file]),
                }
            )
    for stale in set(out.parent.glob("logits/*.safetensors")) - {out.parent / entry["file"] for entry in entries}:
        stale.unlink()
    write_json(out, {"study": header["study"], "seed": seed, "order": order, "levels": entries})


def _about(checkpoint: Checkpoint, folded: EarlyExitNetwork) -> dict[str, Any]:
    """Which level, how sparse, what everything costs, and what is empty and what exact removal leaves to dense kernels."""
    network, masks, smaller = checkpoint.network, checkpoint.masks, remove_emptied(folded)
    return {
        **{name: checkpoint.header[name] for name in ("study", "name", "level", "prune", "train")},
        "sparsity": {group: sparsity(masks, network.named_layers(group)) for group in ("all", "base", "exits")},
        "layers": [asdict(cost) for cost in layer_costs(network, masks)],
        "exits": [asdict(cost) for cost in exit_costs(network, masks)],
        "emptied": [asdict(row) for row in emptied(network)],
        "macs_after_removal": sum(cost.macs for cost in layer_costs(smaller, full_masks(smaller))),
    }
