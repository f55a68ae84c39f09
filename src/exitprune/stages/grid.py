"""What a search found: every chain of the grid on validation images and, where it is the paper's network, against its charts."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from typer import Option

from exitprune.config.compute import Compute
from exitprune.config.grid import Scalar
from exitprune.config.section import Section
from exitprune.data.images import Images, load_manifest, load_split
from exitprune.deployment.folding import fold
from exitprune.evaluation.logits import infer
from exitprune.evaluation.paper import APPROACHES, distance_from_paper, is_papers_data
from exitprune.jobs.compute import set_up
from exitprune.jobs.progress import Progress
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import sparsity
from exitprune.networks.operations import CannotFollow
from exitprune.origin.levels import levels_of
from exitprune.storage import write_bytes


class Chain(Section):
    """A chain of the grid."""

    point: dict[str, Scalar]
    """Value by the parameter that was varied."""
    recipe: str
    seed: int
    papers_network: bool


class Settings(Section):
    """What the table depends on beside the levels and the data."""

    architecture: str
    chains: list[Chain]
    compute: Compute


def main(
    settings: Annotated[str, Option()],
    data: Annotated[Path, Option()],
    levels: Annotated[list[Path], Option()],
    level0: Annotated[list[Path], Option()],
    out: Annotated[Path, Option()],
) -> None:
    """Write a row per chain: its point, accuracy of every exit before and after pruning, their mean, distances from the paper.

    Accuracy is that on validation images, since a setting may be chosen by this table. Distances are there for the approaches of
    the paper with its network; `comparable` says whether the images are the paper's too, else only those of layers mean much.

    Args:
        settings: JSON, see `Settings`.
        data: data.safetensors.
        levels: levels.json of every chain, in the order of the chains.
        level0: the network that each began with.
        out: CSV file.
    """
    wanted = Settings.model_validate_json(settings)
    machine = set_up(wanted.compute)
    papers_images = is_papers_data(load_manifest(data))
    images = load_split(data, "validation", machine.device)
    rows = []
    with Progress("grid", len(levels) * len(images), len(levels)) as progress:
        for number, (chain, path, first) in enumerate(zip(wanted.chains, levels, level0, strict=True), 1):
            progress.start_round(number)
            last = load_checkpoint(levels_of(path)[-1], machine.device)
            before = accuracy(load_checkpoint(first, machine.device).network, images)
            after = accuracy(last.network, images)
            row: dict[str, Any] = {
                **chain.point,
                "recipe": chain.recipe,
                "seed": chain.seed,
                "mean_accuracy": sum(after) / len(after),
                **{f"exit{number}_before": value for number, value in enumerate(before)},
                **{f"exit{number}": value for number, value in enumerate(after)},
            }
            if chain.papers_network and chain.recipe in APPROACHES:
                layers = [sparsity(last.masks, [name]) for name in last.masks]
                row |= distance_from_paper(APPROACHES[chain.recipe], layers, before, after)
                row["comparable"] = papers_images
            rows.append({**row, "key": last.header["key"]})
            progress.step(len(images))
    write_bytes(out, pd.DataFrame(rows).to_csv(index=False, float_format="%.8g").encode())


def accuracy(network: EarlyExitNetwork, images: Images) -> list[float]:
    """Share of images that each exit gets right."""
    with suppress(CannotFollow):  # folded it is faster
        network = fold(network)
    right = infer(network, images).argmax(dim=-1) == images.labels.cpu()
    found: list[float] = right.double().mean(dim=-1).tolist()
    return found
