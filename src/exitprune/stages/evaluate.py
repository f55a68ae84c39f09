"""From the levels of a chain to its record: logits of every exit and costs, once; then what the record keeps of them."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor
from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.section import Section
from exitprune.data.images import Images, load_manifest, load_split
from exitprune.errors import BadInput
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
from exitprune.jobs.progress import Progress
from exitprune.jobs.store import Store, StoreOption
from exitprune.origin.digests import fingerprint
from exitprune.origin.levels import code_of, levels_of
from exitprune.origin.made_with import other_than
from exitprune.stages._answers import Level, answers
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
    checkpoints = [level0, *levels_of(levels), recovered]
    headers = [read_header(path) for path in checkpoints]
    if why := other_than(wanted.made_of.settings, headers[-1]):
        raise BadInput(
            f"{recovered}: was made with other settings than its record would tell: {why}; "
            "let Snakemake look at parameters (its default), and what they change is made anew"
        )
    chain = [
        Level(
            path,
            header["name"],
            state,
            logits / f"{header['name']}.safetensors",
            fingerprint(header["key"], recipe, wanted.compute.model_dump(), wanted.between, code),
        )
        for path, header, state in zip(checkpoints, headers, states(len(checkpoints)), strict=True)
    ]
    kept = Store(store)
    missing = [level for level in chain if not kept.take(level.file, level.key)]

    def num_images(levels: Sequence[Level]) -> int:
        return sum(len(splits[split]) for level in levels for split in splits_of(level.state))

    with Progress(f"evaluate {recipe}, seed {seed}", num_images(chain), len(chain)) as progress:
        progress.skip(num_images(chain) - num_images(missing))
        for level, inferred, about in answers(missing, splits, machine.device):
            progress.start_round(chain.index(level) + 1)
            write_tensors(level.file, inferred, {**about, "seed": seed, "recipe": recipe, "key": level.key})
            kept.keep(level.file, level.key)
            progress.step(num_images([level]))
            progress.end_round(level.name)
    for stale in set(logits.glob("*.safetensors")) - {level.file for level in chain}:
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
    for level in chain:
        entry, of_images, header = _read(level.file, level.state, labels, sampled)
        entries.append(entry)
        if of_images:
            outcomes[level.state] = of_images
        if level.state == "final":
            about |= {"blocks": header["blocks"], "layers": layer_entries(header)}
    write_record(out, {**about, "levels": entries}, outcomes)


def _splits(data: Path, between: int | float, device: torch.device) -> dict[str, Images]:
    validation, test = load_split(data, "validation", device), load_split(data, "test", device)
    chosen = sample(len(validation), between).to(device)
    part = replace(validation, pixels=validation.pixels[chosen], labels=validation.labels[chosen])
    return {"validation": validation, "test": test, SAMPLE: part}


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


def _seconds(benchmarks: Sequence[Path]) -> dict[str, float]:
    """Of each stage before, by Snakemake's clock."""
    seconds = {}
    for path in filter(Path.is_file, benchmarks):
        with path.open(newline="") as file:  # pandas would take longer to import than all else here
            seconds[path.name.split("-seed")[0]] = round(float(next(csv.DictReader(file, delimiter="\t"))["s"]), 1)
    return seconds
