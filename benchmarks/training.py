"""Training images per second of ResNet-56 at 32 x 32: ours against the loop most people write.

The plain loop is torchvision's CIFAR-10 class and transforms, a DataLoader with two workers, float32 and torch's defaults.
Both train the same network on the same random pixels with the same batch size, in turns, so that whatever else the machine
does meets both alike.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.datasets import CIFAR10
from torchvision.transforms import v2

from exitprune.early_exit import EarlyExitNetwork, Spec
from exitprune.masks import full_masks
from exitprune.settings import Augment, Training
from exitprune.training import Images, train_

BATCH, STEPS, TURNS, NUM_IMAGES = 128, 3, 5, 1024
SPEC = Spec(depth=56, channels=3, height=32, width=32, num_classes=10, exits=(), pool=None)
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
GFLOP_PER_IMAGE = 3 * 2 * 0.1254  # forward and twice that backward; 125.4 million MACs without exits


def measure() -> list[str]:
    """Lines of Markdown: medians over the turns."""
    cores = os.cpu_count() or 1
    turns: dict[str, list[float]] = {"plain loop": [], "ours, one job": [], "ours, one job per core": []}
    plain, pixels = plain_loop(), random_pixels()
    for _ in range(TURNS):
        turns["plain loop"].append(images_per_second(lambda: next(plain), STEPS, cores))
        turns["ours, one job"].append(ours(pixels, cores))
        with multiprocessing.get_context("spawn").Pool(cores) as pool:
            turns["ours, one job per core"].append(sum(pool.starmap(ours, [(pixels, 1)] * cores)))
    peak = matmul_gflops(cores)
    medians = {name: statistics.median(values) for name, values in turns.items()}
    lines = [
        "## (a) Training, ResNet-56 at 32 x 32",
        "",
        "| loop | images/s | times the plain loop | of the machine's matrix-product rate |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, speed in medians.items():
        ratio = statistics.median(a / b for a, b in zip(turns[name], turns["plain loop"], strict=True))
        lines.append(f"| {name} | {speed:.0f} | {ratio:.2f} | {speed * GFLOP_PER_IMAGE / peak:.0%} |")
    spread = ", ".join(f"{value:.0f}" for value in turns["plain loop"])
    return [*lines, "", f"float32 matrix product on all cores: {peak:.0f} GFLOP/s. Turns of the plain loop: {spread}."]


def random_pixels() -> Tensor:
    """(N, C, H, W) uint8."""
    return torch.randint(0, 256, (NUM_IMAGES, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def ours(pixels: Tensor, threads: int) -> float:
    """Images per second of our loop, one job of so many threads, a warm-up left out."""
    torch.set_num_threads(threads)
    labels = torch.arange(len(pixels)) % 10
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (MEAN, STD))
    network = EarlyExitNetwork(SPEC)
    network.place_("cpu")
    settings = Training(epochs=1, lr=0.1, lr_scheduler="one_cycle", momentum=0.9, weight_decay=5e-4, batch_size=BATCH)
    clock = Clock()
    images = Images(pixels[: (STEPS + 1) * BATCH], labels[: (STEPS + 1) * BATCH], mean, std)
    train_(network, images, "base", settings, Augment(pad=4, flip=True), 0, full_masks(network), observer=clock)
    return STEPS * BATCH / (clock.times[-1] - clock.times[0])


class Clock:
    """Notes when each step ends."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def step(self, num_images: int) -> None:
        """Note the time."""
        self.times.append(time.perf_counter())

    def skip(self, num_images: int) -> None:
        """Nothing is skipped here."""

    def end_epoch(self, epoch: int, loss: float) -> None:
        """Nothing to note."""


def plain_loop() -> Iterator[None]:
    """One training step after another, as in most tutorials."""
    dataset = CIFAR10.__new__(CIFAR10)  # its __init__ would look for the files
    dataset.data = random_pixels().permute(0, 2, 3, 1).contiguous().numpy()
    dataset.targets = (np.arange(NUM_IMAGES) % 10).tolist()
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
    network: nn.Module = EarlyExitNetwork(SPEC).base
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    for images, labels in cycle_epochs(loader):
        loss = F.cross_entropy(network(images), labels)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        yield


def cycle_epochs(loader: DataLoader[tuple[Tensor, Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    """Epoch after epoch."""
    while True:
        yield from loader


def images_per_second(step: Callable[[], object], num_steps: int, threads: int) -> float:
    """Speed of a step, after one that is not counted."""
    torch.set_num_threads(threads)
    step()
    start = time.perf_counter()
    for _ in range(num_steps):
        step()
    return num_steps * BATCH / (time.perf_counter() - start)


def matmul_gflops(threads: int, size: int = 2048, repeats: int = 5) -> float:
    """What the machine reaches on a large float32 matrix product, the best case for any network."""
    torch.set_num_threads(threads)
    a = torch.randn(size, size)
    best = 0.0
    for _ in range(repeats):
        start = time.perf_counter()
        a @ a
        best = max(best, 2e-9 * size**3 / (time.perf_counter() - start))
    return best
