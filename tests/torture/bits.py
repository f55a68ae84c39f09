"""Flip one bit of a checkpoint, anywhere: reading it must notice."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from exitprune.errors import BadInput
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from tests.torture import Row


def run(draw: random.Random, num: int, spec: Spec) -> Iterator[Row]:
    """Flip a bit so many times.

    Args:
        draw: of the bits.
        num: how many times, each from a whole file.
        spec: of the network in the checkpoint.
    """
    held = 0
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        path = Path(folder, "level.safetensors")
        network = EarlyExitNetwork(spec)
        header = {
            "seed": 0,
            "name": "level-00",
            "level": 0,
            "key": "k",
            "classes": [str(c) for c in range(spec.num_classes)],
        }
        save_checkpoint(path, network, full_masks(network), header)
        whole = path.read_bytes()
        for _ in range(num):
            place, bit = draw.randrange(len(whole)), draw.randrange(8)
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            path.write_bytes(damaged)
            try:
                load_checkpoint(path)
            except BadInput:
                held += 1
            else:
                print(f"bit {bit} of byte {place} of {len(whole)} was not noticed")
    yield Row("a checkpoint", "one bit flipped, anywhere", num, held, "refused in one sentence when it is read")
