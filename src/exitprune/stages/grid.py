"""How far each setting that the paper leaves open is from its charts: the last level of every chain of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.section import Section
from exitprune.data.images import load_manifest, load_split
from exitprune.deployment.folding import fold
from exitprune.evaluation.logits import infer
from exitprune.evaluation.paper import AFTER, LAYERS, agreement, compare, is_papers_data
from exitprune.jobs.compute import set_up
from exitprune.jobs.levels import levels_of
from exitprune.jobs.progress import Progress
from exitprune.networks.checkpoints import Checkpoint, load_checkpoint
from exitprune.networks.masks import sparsity
from exitprune.storage import write_bytes


class Point(Section):
    """A chain of the grid."""

    pool: int | None
    scope: str
    recipe: str
    seed: int


class Settings(Section):
    """What the distances depend on beside the levels and the data."""

    architecture: str
    points: list[Point]
    rounds: int
    epochs: int | float
    compute: Compute


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    chain: Annotated[list[Path], Option()],
    out: Annotated[Path, Option()],
) -> None:
    """Write a row per point and quantity: mean absolute difference from the paper's chart, and rank correlation.

    Rounds, epochs per round and the key of the level stand beside them, to tell what they are of. Accuracy is that on
    validation images, since a setting may be chosen by this table.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        chain: levels.json of every point, in the order of the points.
        out: CSV file.
    """
    wanted = Settings.model_validate_json(settings)
    machine = set_up(wanted.compute)
    comparable = is_papers_data(load_manifest(data))
    images = load_split(data, "validation", machine.device)
    tables = []
    with Progress("grid", len(chain) * len(images), len(chain)) as progress:
        for number, (point, path) in enumerate(zip(wanted.points, chain, strict=True), 1):
            progress.start_round(number)
            last = load_checkpoint(levels_of(path)[-1], machine.device)
            logits = infer(fold(last.network), images)
            accuracy = (logits.argmax(dim=-1) == images.labels.cpu()).double().mean(dim=-1)
            table = distances(last, accuracy.tolist(), point.recipe, comparable)
            table.insert(0, "pool", point.pool or "none")
            table.insert(1, "scope", point.scope)
            table.insert(2, "seed", point.seed)
            tables.append(table.assign(rounds=wanted.rounds, epochs=wanted.epochs, key=last.header["key"]))
            progress.step(len(images))
    write_bytes(out, pd.concat(tables).to_csv(index=False, float_format="%.8g").encode())


def distances(last: Checkpoint, accuracy: Sequence[float], recipe: str, comparable: bool) -> pd.DataFrame:
    """The rows of `paper.agreement` for one network.

    Args:
        last: the level after the last round.
        accuracy: of every exit.
        recipe: of its chain.
        comparable: whether the images are the paper's.
    """
    layers = ((LAYERS, position, name, sparsity(last.masks, [name])) for position, name in enumerate(last.masks, 1))
    exits = ((AFTER, exit_, f"exit {exit_}", value) for exit_, value in enumerate(accuracy))
    ours = pd.DataFrame([*layers, *exits], columns=["quantity", "position", "name", "ours"])
    return agreement(compare(ours.assign(recipe=recipe), comparable))
