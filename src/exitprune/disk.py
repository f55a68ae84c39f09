"""Disk space: how much a study will write, and whether there is room for it, asked before any work."""

from __future__ import annotations

import shutil
from pathlib import Path

from exitprune.errors import BadInput
from exitprune.params import Params

BYTES_PER_STAGE_BLOCK = 4 * 97_000  # float32 weights of one block in each of the three stages of a ResNet
BYTES_PER_HEAD = 4 * 16 * 16 * 10  # an exit on a map pooled to 4 x 4, ten classes
LOGIT_BYTES = 4 * 10 * 15_000  # ten classes, validation and test of CIFAR-10
DATA_BYTES = 60_000 * 32 * 32 * 3


def needed_bytes(params: Params) -> int:
    """A rough upper estimate of what a study keeps: the data, one checkpoint and one file of logits per level."""
    small = params.data.source == "digits"
    rounds = {"joint": params.rounds, "sequential": 2 * params.rounds}
    per_seed = 2 + sum(rounds.get(order, 2 * params.rounds) + 2 for order in params.orders)
    checkpoint = BYTES_PER_STAGE_BLOCK * (params.model.depth - 2) // 6 + BYTES_PER_HEAD * len(params.model.exits)
    logits = (len(params.model.exits) + 1) * LOGIT_BYTES // (20 if small else 1)
    return len(params.seeds) * per_seed * (checkpoint + logits) + (0 if small else DATA_BYTES)


def check_space(params: Params, folder: Path) -> None:
    """Compare the estimate with the free space.

    Raises:
        BadInput: if the study will not fit.
    """
    needed, free = needed_bytes(params), shutil.disk_usage(folder).free
    if needed > free:
        raise BadInput(
            f"the study {params.study} keeps about {needed / 1e9:.1f} GB and {folder.resolve()} has {free / 1e9:.1f} GB free:"
            " free some space, or lower seeds or rounds"
        )
