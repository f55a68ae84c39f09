"""From the levels of a chain to its record: logits of every exit and costs, once; then what the record keeps of them."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor
from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.section import Section
from exitprune.data.images import Images, load_manifest, load_split
from exitprune.deployment.folding import fold_together
from exitprune.deployment.removal import remove_dead_channels
from exitprune.errors import BadInput
from exitprune.evaluation.logits import infer_together, share_a_base
from exitprune.evaluation.per_level import (
    SAMPLE,
    layer_entries,
    level_entry,
    outcomes_by_split,
    sample,
    splits_of,
    states,
    with_sample,
)
from exitprune.evaluation.records import SWEPT, MadeOf, Outcomes, State, write_record
from exitprune.jobs.compute import set_up
from exitprune.jobs.progress import LOG, Progress
from exitprune.jobs.store import Store, StoreOption
from exitprune.networks.branches import branches
from exitprune.networks.checkpoints import Checkpoint, fault_of_state, load_checkpoint
from exitprune.networks.cost import costs, layer_costs
from exitprune.networks.dead_channels import dead_channels
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.identity import weights_digest
from exitprune.networks.image_gates import image_costs
from exitprune.networks.masks import full_masks, sparsity
from exitprune.networks.operations import CannotFollow
from exitprune.origin.digests import fingerprint
from exitprune.origin.levels import code_of, levels_of
from exitprune.storage import read_header, read_tensors, write_tensors


class Settings(Section):
    """What a record depends on beside the levels and the data."""

    architecture: str
    study: str
    between: int | float
    """See `Evaluate.between`."""
    compute: Compute
    made_of: MadeOf
    """What the study says that the record is made of, to be told from records of other things."""


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    level0: Annotated[Path, Option()],
    levels: Annotated[Path, Option()],
    recovered: Annotated[Path, Option()],
    logits: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
    seed: Annotated[int, Option()],
    recipe: Annotated[str, Option()],
    store: StoreOption = None,
    benchmark: Annotated[list[Path], Option()] = [],  # noqa: B006 (typer reads it, nobody changes it)
) -> None:
    """Write a file of logits per level, and the record last; a killed job goes on where it was.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        level0: the unpruned network with trained heads.
        levels: levels.json of the chain.
        recovered: the checkpoint after recovery.
        logits: folder for the files of logits.
        out: folder of the record.
        seed: of the run.
        recipe: of the chain.
        store: of everything made before; what is there from the same ingredients is taken.
        benchmark: Snakemake's benchmark files of the jobs before, `<stage>-seed...tsv`, as far as they are there.
    """
    started = time.monotonic()
    wanted = Settings.model_validate_json(settings)
    machine = set_up(wanted.compute)
    code = code_of("evaluate", machine.device, {"architecture": wanted.architecture})
    splits = _splits(data, wanted.between, machine.device)
    chain = {path: read_header(path) for path in (level0, *levels_of(levels), recovered)}
    state_of = dict(zip(chain, states(len(chain)), strict=True))
    files = {path: logits / f"{header['name']}.safetensors" for path, header in chain.items()}
    keys = {
        path: fingerprint(header["key"], recipe, wanted.compute.model_dump(), wanted.between, code)
        for path, header in chain.items()
    }
    kept = Store(store)
    missing = [path for path in chain if not kept.take(files[path], keys[path])]

    def num_images(paths: Sequence[Path]) -> int:
        return sum(len(splits[split]) for path in paths for split in splits_of(state_of[path]))

    with Progress(f"evaluate {recipe}, seed {seed}", num_images(list(chain)), len(chain)) as progress:
        progress.skip(num_images(list(chain)) - num_images(missing))
        for stretch in _sharing_a_base(missing, machine.device):
            folded = dict(zip(stretch, _folded([checkpoint.network for checkpoint in stretch.values()]), strict=True))
            inferred = _infer({path: folded[path] or stretch[path].network for path in stretch}, splits, state_of)
            for path, checkpoint in stretch.items():
                progress.start_round(list(chain).index(path) + 1)
                about = {**_about(checkpoint, folded[path]), "seed": seed, "recipe": recipe, "key": keys[path]}
                _check_finite(path, chain[path], inferred[path])
                if checkpoint.network.spec.gated:
                    for split in splits_of(state_of[path]):
                        costs = _costs(checkpoint, splits[split])
                        inferred[path][f"macs:{split}"] = costs
                write_tensors(files[path], inferred[path], about)
                kept.keep(files[path], keys[path])
                progress.step(num_images([path]))
                progress.end_round(chain[path]["name"])
    for stale in set(logits.glob("*.safetensors")) - set(files.values()):
        stale.unlink()
    about = {
        "study": wanted.study,
        "seed": seed,
        "recipe": recipe,
        "made_of": wanted.made_of.model_dump(),
        "origin": {
            **json.loads(levels.read_text())["environment"],
            "date": datetime.now(UTC).date().isoformat(),
            "compute": wanted.compute.model_dump(),
            "seconds": {**_seconds(benchmark), "evaluate": round(time.monotonic() - started, 1)},
        },
        "data": load_manifest(data),
    }
    labels = {split: images.labels.cpu() for split, images in splits.items()}
    sampled = sample(len(labels["validation"]), wanted.between)
    entries, outcomes = [], {}
    for path, state in state_of.items():
        entry, of_images, header = _read(files[path], state, labels, sampled)
        entries.append(entry)
        if of_images:
            outcomes[state] = of_images
        if state == "final":
            about |= {"blocks": header["blocks"], "layers": layer_entries(header)}
    write_record(out, {**about, "levels": entries}, outcomes)


def _check_finite(path: Path, header: Mapping[str, Any], inferred: Mapping[str, Tensor]) -> None:
    """Refuse a network whose answers are not finite; training has looked at a few images only.

    Raises:
        BadInput: naming the rate it was trained with last.
    """
    if fault_of_state(inferred):
        rate = {"level-00": "heads.lr or base.lr", "recovered": "recovery.lr"}.get(header["name"], "finetune.lr")
        raise BadInput(f"{path}: its answers to some images are not finite; {rate} is too large, make it smaller")


def _costs(checkpoint: Checkpoint, images: Images) -> Tensor:
    """(exits, images) MACs, where they depend on the image."""
    parts = torch.split(images.pixels, 256)
    found = [image_costs(checkpoint.network, checkpoint.masks, images.normalise(part)) for part in parts]
    return torch.cat(found, dim=1).cpu()


def _splits(data: Path, between: int | float, device: torch.device) -> dict[str, Images]:
    validation, test = load_split(data, "validation", device), load_split(data, "test", device)
    chosen = sample(len(validation), between).to(device)
    part = replace(validation, pixels=validation.pixels[chosen], labels=validation.labels[chosen])
    return {"validation": validation, "test": test, SAMPLE: part}


def _infer(
    networks: dict[Path, EarlyExitNetwork], splits: dict[str, Images], state_of: dict[Path, State]
) -> dict[Path, dict[str, Tensor]]:
    """Logits by network and split: each split once for all networks that are to see it, which share a base."""
    found: dict[Path, dict[str, Tensor]] = {path: {} for path in networks}
    for split, images in splits.items():
        shown = [path for path in networks if split in splits_of(state_of[path])]
        if shown:
            for path, values in zip(shown, infer_together([networks[path] for path in shown], images), strict=True):
                found[path][split] = values
    return found


def _read(
    file: Path, state: State, labels: dict[str, Tensor], sampled: Tensor
) -> tuple[dict[str, Any], dict[str, Outcomes], dict[str, Any]]:
    """What a file of logits says of its level: entry of the record, outcomes of images if they are kept, header."""
    tensors, header = read_tensors(file)
    given = {split: tensors[split] for split in splits_of(state)}
    for split, values in given.items():
        if values.shape[1] != len(labels[split]):
            raise BadInput(f"{file}: {values.shape[1]} {split} images, the data have {len(labels[split])}")
    logits = with_sample(given, sampled)
    same = torch.tensor([[cost["macs"]] for cost in header["exits"]])
    costs = {split: tensors[f"macs:{split}"] for split in given if f"macs:{split}" in tensors}
    if "validation" in costs:
        costs[SAMPLE] = costs["validation"][:, sampled]
    macs = {split: costs.get(split, same) for split in logits}
    kept = outcomes_by_split(logits, labels, macs) if state in SWEPT else {}
    return level_entry(header, state, logits, labels, macs), kept, header


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


def _folded(networks: Sequence[EarlyExitNetwork]) -> Sequence[EarlyExitNetwork | None]:
    """Folded, which is faster; None: they cannot be taken apart, and are evaluated as they are. They share a base."""
    try:
        return fold_together(networks)
    except CannotFollow as reason:
        LOG.info("%s; it is evaluated as it is, and what removal would leave is not told", reason)
        return [None] * len(networks)


def _about(checkpoint: Checkpoint, folded: EarlyExitNetwork | None) -> dict[str, Any]:
    """Which level, how sparse, what everything costs, and what is empty and what exact removal leaves to dense kernels."""
    network, masks = checkpoint.network, checkpoint.masks
    layers, exits = costs(network, masks)
    removal: dict[str, Any] = {"branches": None, "macs_after_removal": None}
    if folded is not None:
        smaller = remove_dead_channels(folded)
        removal["branches"] = branches(network.spec)
        removal["macs_after_removal"] = sum(cost.macs for cost in layer_costs(smaller, full_masks(smaller)))
    return {
        **{name: checkpoint.header[name] for name in ("name", "level", "prune", "train")},
        "weights_sha256": weights_digest(network),
        "sparsity": {group: sparsity(masks, network.named_layers(group)) for group in ("all", "base", "exits")},
        "blocks": [*network.spec.exits, network.base.last],
        "layers": [asdict(cost) for cost in layers],
        "exits": [asdict(cost) for cost in exits],
        "dead_channels": [asdict(row) for row in dead_channels(network)],
        **removal,
    }


def _seconds(benchmarks: Sequence[Path]) -> dict[str, float]:
    """Of each stage before, by Snakemake's clock."""
    seconds = {}
    for path in filter(Path.is_file, benchmarks):
        with path.open(newline="") as file:  # pandas would take longer to import than all else here
            seconds[path.name.split("-seed")[0]] = round(float(next(csv.DictReader(file, delimiter="\t"))["s"]), 1)
    return seconds
