"""Whether training without a method in it is as fast as with the code of another commit, and makes the same weights.

`python -m benchmarks.against COMMIT`. Both train ResNet-20 with exits on noise of the digits' size, each in a process of its
own, in turn; times are of the processor. The commit must have `train_` as it is called here.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from typer import run

ROOT = Path(__file__).parents[1]
TURNS = 9
TRAINING = """
import hashlib, json, time, torch
from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.training.loop import train_

torch.set_num_threads(1)
draw = torch.Generator().manual_seed(0)
pixels = torch.randint(0, 256, (640, 1, 8, 8), generator=draw, dtype=torch.uint8)
labels = torch.randint(0, 10, (640,), generator=draw)
images = Images(pixels, labels, torch.full((1, 1, 1), 0.5), torch.full((1, 1, 1), 0.25))
training = Training(epochs=1, lr=0.01, lr_scheduler="one_cycle", momentum=0.9, weight_decay=5e-4, batch_size=32)
torch.manual_seed(0)
network = EarlyExitNetwork(Spec("resnet", {"depth": 20}, 1, 8, 8, 10, (2, 4, 6), 4))
taken = []
for seed in range(9):
    start = time.process_time()
    train_(network, images, "all", training, Augment(pad=1, flip=False), seed, full_masks(network))
    taken.append(time.process_time() - start)
weights = hashlib.sha256(b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values()))
print(json.dumps({"seconds": min(taken[1:]), "weights": weights.hexdigest()}))
"""


def main(commit: str) -> None:
    """Print seconds of an epoch with both, the median ratio of the turns, and whether the weights are the same."""
    with TemporaryDirectory() as folder:
        archive = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, check=True, capture_output=True)
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        turns = [(trained(Path(folder, "src")), trained(ROOT / "src")) for _ in range(TURNS)]
    theirs, ours = (statistics.median(float(one["seconds"]) for one in column) for column in zip(*turns, strict=True))
    ratio = statistics.median(float(one["seconds"]) / float(other["seconds"]) for other, one in turns)
    same = len({one["weights"] for turn in turns for one in turn}) == 1
    print(f"{commit}: {theirs:.3f} s, here: {ours:.3f} s, ratio {ratio:.3f}; {'the same' if same else 'OTHER'} weights")


def trained(source: Path) -> dict[str, float | str]:
    """What a process says that trains with this code."""
    environment = {**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", TRAINING], env=environment, check=True, capture_output=True, text=True)
    said: dict[str, float | str] = json.loads(done.stdout)
    return said


if __name__ == "__main__":
    run(main)
