"""Logits of all runs to tables and summary.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor
from typer import Option

from exitprune.config.evaluate import Evaluate
from exitprune.config.model import Model
from exitprune.config.section import Section
from exitprune.errors import BadInput
from exitprune.evaluation.headline import headline
from exitprune.evaluation.over_seeds import beside_paper, build, summary
from exitprune.evaluation.paper import is_papers_data, is_papers_network
from exitprune.evaluation.per_level import Level, State
from exitprune.jobs.provenance import digest
from exitprune.storage import read_tensors, write_bytes, write_json


class Settings(Section):
    """What tables depend on beside the logits."""

    model: Model
    granularity: str
    evaluate: Evaluate


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    evaluation: Annotated[list[Path], Option()],
    tables: Annotated[Path, Option()],
    out: Annotated[Path, Option()],
) -> None:
    """Write one CSV file per table, and the summary last.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        evaluation: evaluation.json of every seed and recipe.
        tables: folder for the CSV files; those of an earlier run that are not made any more are removed.
        out: summary.json; metrics.json, flat and short, is written beside it.
    """
    wanted = Settings.model_validate_json(settings)
    torch.set_num_threads(1)  # many small operations: a second thread costs more than it gives
    arrays, header = read_tensors(data)
    labels = {split: arrays[f"{split}_labels"] for split in ("validation", "test")}
    blocks = [*wanted.model.exits, wanted.model.own.num_blocks]
    made = build((level for path in evaluation for level in read_levels(path, labels)), labels, blocks, wanted.evaluate)
    made |= beside_paper(
        made, is_papers_network(wanted.model) and wanted.granularity == "weight", is_papers_data(header["manifest"])
    )
    for stale in set(tables.glob("*.csv")) - {tables / f"{name}.csv" for name in made}:
        stale.unlink()
    for name, table in made.items():
        write_bytes(tables / f"{name}.csv", table.to_csv(index=False, float_format="%.8g").encode())
    write_json(out.with_name("metrics.json"), headline(made, wanted.evaluate.confidence_level))
    write_json(out, summary(made))


def read_levels(path: Path, labels: dict[str, Tensor]) -> Iterator[Level]:
    """The levels of one run, in order, one at a time.

    Raises:
        BadInput: if a file of logits is missing, damaged, not the one that evaluation.json names, or of other images.
    """
    run = json.loads(path.read_text())
    states: list[State] = ["unpruned", *["between"] * (len(run["levels"]) - 3), "pruned", "recovered"]  # type: ignore[list-item]
    for entry, state in zip(run["levels"], states, strict=True):
        file = path.parent / entry["file"]
        tensors, header = read_tensors(file)
        if digest([file]) != entry["sha256"]:
            raise BadInput(f"{file}: not the file that {path} was written with; delete {path} and run snakemake again")
        logits = {split: tensor for split, tensor in tensors.items() if split in labels}
        macs_by_image = {split: tensors[f"macs:{split}"] for split in labels if f"macs:{split}" in tensors}
        for split, wanted in labels.items():
            if logits[split].shape[1] != len(wanted):
                raise BadInput(
                    f"{file}: {logits[split].shape[1]} {split} images, the data have {len(wanted)}; delete it and run again"
                )
        yield Level(run["recipe"], run["seed"], entry["name"], entry["level"], state, header, logits, macs_by_image)
