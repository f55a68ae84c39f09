"""Disk space: about how much a study will still write, and whether there is room for it, asked before any work."""

from __future__ import annotations

import shutil
from pathlib import Path

from exitprune.config.params import Params
from exitprune.errors import BadInput
from exitprune.jobs.network_size import size_of

MAP_SIDE, CHANNELS = 32, 64  # of a head at its largest
CLASSES = {"cifar100": 100}  # else 10, a guess for a folder
IMAGES = {"digits": 800}  # validation and test together
MOST_IMAGES = 26_032 + 7_326  # of svhn


def needed_bytes(params: Params) -> int:
    """An estimate of what a study keeps: the data, one checkpoint and one file of logits per level."""
    num_exits = len(params.model.exits)
    levels = 2 + sum(2 * recipe.rounds + 1 for recipe in params.recipes.values())  # at most: rounds on each group
    side = MAP_SIDE if params.model.pool is None else min(params.model.pool, MAP_SIDE)
    num_classes = CLASSES.get(params.data.source, 10)
    heads = 4 * num_exits * num_classes * CHANNELS * side * side
    checkpoint = 4 * size_of(params.model).numbers + heads
    num_images = IMAGES.get(params.data.source, MOST_IMAGES)
    logits = 4 * (num_exits + 1) * num_classes * num_images
    data = 0 if params.data.source == "digits" else 60_000 * 32 * 32 * 3
    return len(params.seeds) * levels * (checkpoint + logits) + data


def check_space(params: Params, runs: Path) -> None:
    """Compare the estimate, less what is there already, with the free space.

    Args:
        params: of the study.
        runs: where it keeps its files; may not be there yet.

    Raises:
        BadInput: if the study will not fit.
    """
    there = sum(path.stat().st_size for path in runs.rglob("*") if path.is_file() and "grid" not in path.parts)
    needed, free = needed_bytes(params) - there, shutil.disk_usage(Path.cwd()).free
    if needed > free:
        raise BadInput(
            f"the study {params.study} writes about {needed / 1e9:.1f} GB more and {Path.cwd()} has {free / 1e9:.1f} GB free:"
            " free some space, or lower seeds or rounds"
        )
