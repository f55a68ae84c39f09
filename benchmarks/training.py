"""Training images per second of ResNet-56 at 32 x 32: ours against the loop most people write.

The plain loop is torchvision's CIFAR-10 class and transforms, a DataLoader with two workers, float32 and torch's defaults.
All loops train the same network on random pixels with the same batch size, in turns, so that whatever else the machine does
meets all alike. Where there is a GPU, everything runs on it.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import CIFAR10
from torchvision.transforms import v2

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.jobs.compute import Machine
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.training.loop import train_

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
CORES = os.cpu_count() or 1
BATCH, TURNS, EPOCH = 128, 5, 50_000
STEPS = 100 if DEVICE == "cuda" else 3
JOBS = 4 if DEVICE == "cuda" else CORES
SIZE = 8192 if DEVICE == "cuda" else 2048
"""Of the matrices whose product is the machine's peak."""
SPEC = Spec("resnet", {"depth": 56}, channels=3, height=32, width=32, num_classes=10, exits=(), pool=None)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
GFLOP_PER_IMAGE = 3 * 2 * 0.1254  # forward and twice that backward; 125.4 million MACs without exits


def measure() -> list[str]:
    """Lines of Markdown: medians over the turns."""
    peaks = {precision: matmul_gflops(precision) for precision in (torch.float32, torch.bfloat16)}
    fast = max(peaks, key=peaks.__getitem__)  # bfloat16 where the processor has units for it
    plain, pixels = plain_loop(), random_pixels((STEPS + 1) * BATCH)
    loops: dict[str, tuple[torch.dtype, Callable[[], float]]] = {
        "plain loop": (torch.float32, partial(images_per_second, partial(next, plain)))
    }
    for precision, compiled in dict.fromkeys([(torch.float32, False), (fast, False), (fast, True)]):
        name = f"ours, {str(precision).removeprefix('torch.')}{', compiled' if compiled else ''}"
        machine = Machine(torch.device(DEVICE), precision, compiled)
        loops |= {
            name: (precision, partial(ours, pixels, machine, CORES)),
            f"{name}, {JOBS} jobs": (precision, partial(several, pixels, machine)),
        }
    turns: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(TURNS):
        for name, (_, run) in loops.items():
            turns[name].append(run())
    lines = [
        "## (a) Training, ResNet-56 at 32 x 32",
        "",
        "| loop | images/s | seconds an epoch | times the plain loop | of the matrix-product rate in its precision |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, (precision, _) in loops.items():
        speed = statistics.median(turns[name])
        ratio = statistics.median(a / b for a, b in zip(turns[name], turns["plain loop"], strict=True))
        share = speed * GFLOP_PER_IMAGE / peaks[precision]
        lines.append(f"| {name} | {speed:.0f} | {EPOCH / speed:.1f} | {ratio:.2f} | {share:.0%} |")
    rates = ", ".join(f"{str(name).removeprefix('torch.')} {peak:.0f} GFLOP/s" for name, peak in peaks.items())
    spread = ", ".join(f"{value:.0f}" for value in turns["plain loop"])
    return [
        *lines,
        "",
        f"On {DEVICE}; an epoch is {EPOCH:,} images, of several jobs together. Matrix product of {SIZE} x {SIZE}: {rates}."
        f" Turns of the plain loop: {spread}.",
    ]


def random_pixels(num_images: int) -> Tensor:
    """(N, C, H, W) uint8."""
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (num_images, 3, 32, 32), dtype=torch.uint8, generator=draw)


def ours(pixels: Tensor, machine: Machine, threads: int) -> float:
    """Images per second of our loop, one job of so many threads, the first step (and with it compiling) left out."""
    torch.set_num_threads(threads)
    labels = torch.arange(len(pixels)) % 10
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (MEAN, STD))
    images = Images(*(tensor.to(DEVICE) for tensor in (pixels, labels, mean, std)))
    network = EarlyExitNetwork(SPEC)
    network.place_(DEVICE)
    settings = Training(epochs=1, lr=0.1, lr_scheduler="one_cycle", momentum=0.9, weight_decay=5e-4, batch_size=BATCH)
    clock, masks = Clock(), full_masks(network)
    train_(network, images, "base", settings, Augment(pad=4, flip=True), 0, masks, machine, clock)
    return clock.images_per_second()


def several(pixels: Tensor, machine: Machine) -> float:
    """Images per second of several jobs side by side, together."""
    with multiprocessing.get_context("spawn").Pool(JOBS) as pool:
        return sum(pool.starmap(ours, [(pixels, machine, max(CORES // JOBS, 1))] * JOBS))


class Clock:
    """Times all steps but the first; the device is waited for before and after them, never between."""

    def __init__(self) -> None:
        self.seen, self.start = 0, 0.0

    def step(self, num_images: int) -> None:
        """Start after the first step."""
        self.seen += num_images
        if self.seen == num_images:
            self.start = now()

    def images_per_second(self) -> float:
        """Up to now."""
        return (self.seen - BATCH) / (now() - self.start)

    def skip(self, num_images: int) -> None:
        """Nothing is skipped here."""

    def end_epoch(self, epoch: int, loss: float) -> None:
        """Nothing to note."""


def now() -> float:
    """Seconds, with everything done that the device was given to do."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def plain_loop() -> Iterator[None]:
    """One training step after another, as in most tutorials."""
    dataset = CIFAR10.__new__(CIFAR10)  # its __init__ would look for the files
    dataset.data = random_pixels(1024 if DEVICE == "cpu" else EPOCH).permute(0, 2, 3, 1).contiguous().numpy()
    dataset.targets = (np.arange(len(dataset.data)) % 10).tolist()
    dataset.target_transform = None
    dataset.transform = v2.Compose(
        [
            v2.RandomCrop(32, padding=4),
            v2.RandomHorizontalFlip(),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True, drop_last=True, num_workers=2, persistent_workers=True)
    network: nn.Module = EarlyExitNetwork(SPEC).base.to(DEVICE)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for images, labels in cycle_epochs(loader):
        loss = F.cross_entropy(network(images.to(DEVICE)), labels.to(DEVICE))
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        yield


def cycle_epochs(loader: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Epoch after epoch."""
    while True:
        yield from loader


def images_per_second(step: Callable[[], object]) -> float:
    """Speed of a step, after one that is not counted."""
    torch.set_num_threads(CORES)
    step()
    start = now()
    for _ in range(STEPS):
        step()
    return STEPS * BATCH / (now() - start)


def matmul_gflops(precision: torch.dtype, repeats: int = 5) -> float:
    """What the machine reaches on a large matrix product, the best case for any network."""
    torch.set_num_threads(CORES)
    a = torch.randn(SIZE, SIZE).to(DEVICE, precision)
    best = 0.0
    for _ in range(repeats):
        start = now()
        a @ a
        best = max(best, 2e-9 * SIZE**3 / (now() - start))
    return best
