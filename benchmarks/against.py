"""Whether training without a method in it is as fast as with the code of another commit, and makes the same weights.

`python -m benchmarks.against COMMIT`. Both train ResNet-56 with six exits on noise, two steps at a time and in turn, each in a
process of its own; times are of the processor. The commit must have `train_` as it is called here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from typer import run

from benchmarks.turns import in_turn, ratio

ROOT = Path(__file__).parents[1]
TURNS = 240
TRAINING = """
import hashlib, json, sys, time, torch
from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.training.loop import train_

torch.set_num_threads(1)
torch.manual_seed(0)
network = EarlyExitNetwork(Spec("resnet", {"depth": 56}, 3, 8, 8, 10, (4, 8, 12, 16, 20, 24), 4))
network.place_("cpu")
pixels = torch.randint(0, 256, (128, 3, 8, 8), dtype=torch.uint8)
one = torch.ones(3, 1, 1)
images = Images(pixels, torch.arange(len(pixels)) % 10, one / 2, one / 4)
settings = Training(epochs=1, lr=0.01, lr_scheduler="cosine", momentum=0.9, weight_decay=5e-4, batch_size=64)
masks = full_masks(network)
while sys.stdin.readline():
    start = time.process_time()
    train_(network, images, "all", settings, Augment(pad=1, flip=False), 0, masks)
    seconds = time.process_time() - start
    weights = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values()))
    print(json.dumps([seconds, weights.hexdigest()]), flush=True)
"""


def main(commit: str) -> None:
    """Print the median ratio of all turns, its quartiles, and whether the weights are the same after every one."""
    with TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        both = [training(source) for source in (ROOT / "src", Path(folder, "src"))]
        told: list[list[str]] = [[], []]
        try:
            sides = [partial(next_steps, process, weights) for process, weights in zip(both, told, strict=True)]
            middle, quartiles = ratio(*in_turn(sides, TURNS))
        finally:
            for process in both:
                process.kill()
    same = "the same" if told[0] == told[1] else "OTHER"
    print(f"here / {commit}: {middle}, quartiles {quartiles}, {TURNS} turns; {same} weights")


def training(source: Path) -> subprocess.Popen[str]:
    """A process that takes two steps whenever it is told to, by this code."""
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", TRAINING], env=environment, stdin=pipe, stdout=pipe, text=True)


def next_steps(process: subprocess.Popen[str], weights: list[str]) -> float:
    """Seconds of the processor for them; the digest of the weights goes to the end of the list."""
    assert process.stdin is not None
    assert process.stdout is not None
    print(file=process.stdin, flush=True)
    seconds, digest = json.loads(process.stdout.readline())
    weights.append(digest)
    return float(seconds)


if __name__ == "__main__":
    run(main)
