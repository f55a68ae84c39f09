"""What it costs to be wrapped, and whether training of the house's own networks is as fast as in an earlier clone.

`python -m benchmarks.wrapped [OTHER]`, with OTHER a clone of an earlier version. Everything is timed in turns, one thread, by
what the processor did for it, so that other work on the machine meets all sides alike. Ratios are medians over the turns.
Prints Markdown; docs/library.md keeps the first table.

`by hand` is the same network whose heads are called by a hook each and are asked how sure they are; nobody could leave. What
is more than that is what leaving costs, and being wrapped.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor, nn
from torchvision.models import get_model
from typer import Argument, run

import exitprune
from benchmarks.pages import as_markdown, put
from exitprune.evaluation.exiting import confidence_of
from exitprune.library.early_exits import EarlyExits

NAMES = ("resnet18", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0", "shufflenet_v2_x0_5", "regnet_y_400mf")
SHARES = (0.25, 0.5, 0.75)
"""Of the MACs: exits come at the points nearest to them."""
SIDE, BATCH, TURNS = 64, 64, 15
STEPS, AT_ONCE = 240, 2
"""Of training: how often, and how many at once."""
ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "library.md"
TRAINING = f"""
import sys, time, torch
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
pixels = torch.randint(0, 256, ({AT_ONCE * BATCH}, 3, 8, 8), dtype=torch.uint8)
one = torch.ones(3, 1, 1)
images = Images(pixels, torch.arange(len(pixels)) % 10, one / 2, one / 4)
settings = Training(epochs=1, lr=0.01, lr_scheduler="cosine", momentum=0.9, weight_decay=5e-4, batch_size={BATCH})
masks = full_masks(network)
while sys.stdin.readline():
    start = time.process_time()
    train_(network, images, "all", settings, Augment(pad=1, flip=False), 0, masks)
    print(time.process_time() - start, flush=True)
"""


def main(other: Annotated[Path | None, Argument(help="A clone of an earlier version.")] = None) -> None:
    """Measure on this machine."""
    torch.set_num_threads(1)
    rows = [wrapped(name) for name in NAMES]
    titles = ["network", "exits after", "ms per image, unwrapped", "heads by hand", "wrapped"]
    titles += ["wrapped / unwrapped", "quartiles", "wrapped / by hand", "quartiles"]
    print(as_markdown(titles, rows))
    put(PAGE, "wrapped", titles, rows)
    if other is not None:
        print("Training ResNet-56 at 8 x 8, here / there:", " in quartiles ".join(in_steps(ROOT, other)))


def wrapped(name: str) -> list[str]:
    """A network of torchvision in evaluation mode, with three exits at which nobody leaves, against itself."""
    module = get_model(name, weights=None, num_classes=10).eval()
    images = torch.randn(BATCH, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    points = exitprune.cut_points(module, images[:2])
    after = [min(points, key=lambda point: abs(point.share - share)).name for share in SHARES]
    net = exitprune.wrap(module, after, images[:2]).eval()
    taken = net(images, threshold=1.0)[1]
    assert int(taken.min()) == len(after), "nobody is to leave"
    calls = [lambda: net(images, threshold=1.0), lambda: by_hand(net, images), lambda: module(images)]
    with torch.inference_mode():
        wrapped, hand, plain = in_turn([partial(timed, call) for call in calls], TURNS)
    each = [f"{1000 * statistics.median(seconds) / BATCH:.3f}" for seconds in (plain, hand, wrapped)]
    return [name, ", ".join(after), *each, *ratio(wrapped, plain), *ratio(wrapped, hand)]


def by_hand(net: EarlyExits, images: Tensor) -> None:
    """What the network and its heads answer, and how sure they are."""

    def ask(head: nn.Module, _: nn.Module, __: object, map_: Tensor) -> None:
        confidence_of(head(map_))

    heads = net.network.heads.items()
    hooks = [net.module.get_submodule(name).register_forward_hook(partial(ask, head)) for name, head in heads]
    confidence_of(net.module(images))
    for hook in hooks:
        hook.remove()


def timed(call: Callable[[], object]) -> float:
    """Seconds of this thread's processor."""
    start = time.thread_time()
    call()
    return time.thread_time() - start


def in_turn(calls: Sequence[Callable[[], float]], turns: int) -> list[list[float]]:
    """What each call says in each turn; who begins changes from turn to turn, and the first turn does not count."""
    said: list[list[float]] = [[] for _ in calls]
    for turn in range(turns + 1):
        for place in range(len(calls)):
            number = (place + turn) % len(calls)
            seconds = calls[number]()
            said[number] += [seconds] if turn else []
    return said


def ratio(some: Sequence[float], others: Sequence[float]) -> list[str]:
    """The median of the ratios of all turns, and their quartiles."""
    low, middle, high = statistics.quantiles([one / other for one, other in zip(some, others, strict=True)], n=4)
    return [f"{middle:.3f}", f"{low:.3f} to {high:.3f}"]


def in_steps(one: Path, other: Path) -> list[str]:
    """`ratio` of single steps of training by the code of two clones, which two processes take in turn."""
    both = [training(clone) for clone in (one, other)]
    try:
        return ratio(*in_turn([partial(next_step, process) for process in both], STEPS))
    finally:
        for process in both:
            process.kill()


def training(clone: Path) -> subprocess.Popen[str]:
    """A process that takes a step whenever it is told to, by the code in a clone."""
    environment = {**os.environ, "PYTHONPATH": str(clone / "src"), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", TRAINING], env=environment, stdin=pipe, stdout=pipe, text=True)


def next_step(process: subprocess.Popen[str]) -> float:
    """Seconds of the processor for it."""
    assert process.stdin is not None
    assert process.stdout is not None
    print(file=process.stdin, flush=True)
    return float(process.stdout.readline())


if __name__ == "__main__":
    run(main)
