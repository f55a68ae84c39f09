"""What it costs to be wrapped, and whether training of the house's own networks is as fast as in an earlier clone.

`python -m benchmarks.wrapped [OTHER]`, with OTHER a clone of an earlier version. Everything is timed in turns, one thread, by
what the processor did for it, so that other work on the machine meets both sides alike. Ratios are medians over the turns.
Prints Markdown; docs/library.md keeps the first table.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import torch
from torchvision.models import get_model
from typer import Argument, run

import exitprune
from benchmarks.pages import as_markdown, put

NAMES = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x0_5", "regnet_y_400mf")
SHARES = (0.25, 0.5, 0.75)
"""Of the MACs: exits come at the points nearest to them."""
SIDE, BATCH, TURNS, STEPS = 64, 64, 15, 20
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "library.md"
TRAINING = f"""
import time, torch
from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.training.loop import train_
torch.set_num_threads(1)
torch.manual_seed(0)
network = EarlyExitNetwork(Spec("resnet", {{"depth": 56}}, 3, 8, 8, 10, (4, 8, 12, 16, 20, 24), 4))
network.place_("cpu")
pixels = torch.randint(0, 256, ({STEPS * BATCH}, 3, 8, 8), dtype=torch.uint8)
one = torch.ones(3, 1, 1)
images = Images(pixels, torch.arange(len(pixels)) % 10, one / 2, one / 4)
settings = Training(epochs=1, lr=0.01, lr_scheduler="cosine", momentum=0.9, weight_decay=5e-4, batch_size={BATCH})
for _ in range(2):  # the first warms up
    start = time.thread_time()
    train_(network, images, "all", settings, Augment(pad=1, flip=False), 0, full_masks(network))
print(time.thread_time() - start)
"""


def main(other: Annotated[Path | None, Argument(help="A clone of an earlier version.")] = None) -> None:
    """Measure on this machine."""
    torch.set_num_threads(1)
    rows = [wrapped(name) for name in NAMES]
    titles = ["network", "exits after", "ms per image, unwrapped", "wrapped", "wrapped / unwrapped", "quartiles"]
    print(as_markdown(titles, rows))
    put(PAGE, "wrapped", titles, rows)
    if other is not None:
        ratios = in_turn(lambda: training(ROOT), lambda: training(other), 7)[2]
        low, middle, high = statistics.quantiles(ratios, n=4)
        print(f"Training ResNet-56 at 8 x 8, here / there: {middle:.3f} (quartiles {low:.3f} to {high:.3f})")


def wrapped(name: str) -> list[str]:
    """A network of torchvision in evaluation mode, with three exits at which nobody leaves, against itself."""
    module = get_model(name, weights=None, num_classes=10).eval()
    images = torch.randn(BATCH, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    points = exitprune.cut_points(module, images[:2])
    after = [min(points, key=lambda point: abs(point.share - share)).name for share in SHARES]
    net = exitprune.wrap(module, after, images[:2]).eval()
    taken = net(images, threshold=1.0)[1]
    assert int(taken.min()) == len(after), "nobody is to leave"
    with torch.inference_mode():
        with_exits, without, ratios = in_turn(
            lambda: timed(lambda: net(images, threshold=1.0)), lambda: timed(lambda: module(images)), TURNS
        )
    low, middle, high = statistics.quantiles(ratios, n=4)
    each = [f"{1000 * seconds / BATCH:.3f}" for seconds in (without, with_exits)]
    return [name, ", ".join(after), *each, f"{middle:.3f}", f"{low:.3f} to {high:.3f}"]


def timed(call: Callable[[], object]) -> float:
    """Seconds of this thread's processor."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def in_turn(one: Callable[[], float], other: Callable[[], float], turns: int) -> tuple[float, float, list[float]]:
    """The median seconds of both, and the ratio of each turn; who begins changes from turn to turn."""
    one(), other()
    noted = []
    for turn in range(turns):
        first, second = (one, other) if turn % 2 else (other, one)
        times = first(), second()
        noted.append(times if turn % 2 else times[::-1])
    ones, others = zip(*noted, strict=True)
    return statistics.median(ones), statistics.median(others), [a / b for a, b in noted]


def training(clone: Path) -> float:
    """Seconds of the processor for an epoch of the code in a clone, in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(clone / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", TRAINING], env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    run(main)
