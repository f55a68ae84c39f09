"""Disk space: about how much a study will still write, and whether there is room for it, asked before any work."""

from __future__ import annotations

import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exitprune.config.params import Params
from exitprune.errors import BadInput
from exitprune.jobs.network_size import Size, size_of


@dataclass(frozen=True)
class Amount:
    """How many images a study has, of which shape.

    Attributes:
        num_images: in all, before `data.limit`.
        num_test: of them, those for test.
        num_classes: how many classes.
        shape: channels, height and width, as networks see them.
    """

    num_images: int
    num_test: int
    num_classes: int
    shape: tuple[int, int, int]


def needed_bytes(params: Params, amount: Amount) -> int:
    """An estimate of what a study keeps: the data, one checkpoint and one file of logits per level."""
    num_exits = len(params.model.exits)
    levels = 2 + sum(2 * recipe.rounds + 1 for recipe in params.recipes.values())  # at most: rounds on each group
    network = size_of(params.model)
    heads = 4 * num_exits * amount.num_classes * _head_inputs(network, params.model.pool, amount.shape[1:])
    checkpoint = 4 * network.numbers + heads
    num_test = amount.num_test or round(params.data.test * amount.num_images)
    num_train = amount.num_images - num_test
    if params.data.limit is not None:
        num_train, num_test = min(num_train, params.data.limit), min(num_test, params.data.limit)
    num_judged = round(params.data.validation * num_train) + num_test
    logits = 4 * (num_exits + 1) * amount.num_classes * num_judged
    data = (num_train + num_test) * math.prod(amount.shape)
    return len(params.seeds) * levels * (checkpoint + logits) + data


def data_memory_mb(amount: Amount) -> int:
    """An estimate of the memory in which images are prepared: all of them read, divided, and as the bytes of a file."""
    return 1000 + 4 * amount.num_images * math.prod(amount.shape) // 1_000_000


def training_memory_mb(input_mb: float) -> int:
    """An estimate of the memory in which a network is trained or asked: images twice, maps that are kept, PyTorch, a batch."""
    return 8500 + int(2 * input_mb)


def _head_inputs(network: Size, pool: int | None, size: Sequence[int]) -> int:
    """Of an exit head at its largest: maps get smaller faster than they get more channels."""
    return network.first * math.prod(size) if pool is None else network.widest * math.prod(min(pool, s) for s in size)


def check_space(params: Params, amount: Amount, runs: Path) -> None:
    """Compare the estimate, less what is there already, with the free space.

    Args:
        params: of the study.
        amount: of its images.
        runs: where it keeps its files; may not be there yet.

    Raises:
        BadInput: if the study will not fit.
    """
    there = sum(
        path.stat().st_size for path in runs.rglob("*") if path.is_file() and _is_planned(path.relative_to(runs))
    )
    disk = next(folder for folder in (runs.resolve(), *runs.resolve().parents) if folder.exists())
    needed, free = needed_bytes(params, amount) - there, shutil.disk_usage(disk).free
    if needed > free:
        raise BadInput(
            f"the study {params.study} writes about {needed / 1e9:.1f} GB more and {disk} has {free / 1e9:.1f} GB free:"
            f" free some space, or lower seeds or rounds{_large(amount)}"
        )


def _is_planned(path: Path) -> bool:
    """Whether a file of `runs` is of what `needed_bytes` counts, and not of a search or a rival."""
    return path.parts[0] != "grid" and not any(part.startswith("rival-") for part in path.parts)


def _large(amount: Amount) -> str:
    _, height, width = amount.shape
    return f", or set data.size (images are of {width} x {height} pixels)" if height * width > 64 * 64 else ""
