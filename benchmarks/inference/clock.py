"""The clock: networks at thresholds and exits in turn, several times, warm; medians count."""

from __future__ import annotations

import math
import os
import statistics
import time
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor

from benchmarks.inference.by_exit import by_exit
from benchmarks.inference.networks import Made, Point, Subject
from benchmarks.inference.runtimes import RUNTIMES, Run
from exitprune.data.images import Images
from exitprune.deployment.energy import Meter, counters
from exitprune.origin.environment import processor

MOST_IMAGES = {1: 128, 8: 256}
"""Images per turn of small batches, which take long; else 512."""


def machine() -> str:
    """The processor and what ran on it."""
    versions = ", ".join(f"{package} {version(package)}" for package in ("torch", "onnxruntime", "llvmlite"))
    return f"{processor()}, {os.cpu_count()} cores, {versions}"


def batches_of(images: Images, batch: int) -> list[Tensor]:
    """Pixels of the first test images, as many as are timed."""
    num = min(MOST_IMAGES.get(batch, 512), len(images)) // batch * batch
    return list(torch.split(images.pixels[: num or len(images)], batch))


def measure(
    networks: list[Subject], images: Any, runtime: str, batch: int, threads: int, turns: int
) -> list[dict[str, Any]]:
    """One row per network and threshold; millijoules are of whole devices, idle or not, and empty where none counts them."""
    torch.set_num_threads(threads)
    batches = batches_of(images, batch)
    runs = [(network, RUNTIMES[runtime](network, images, threads)) for network in networks]
    jobs: list[tuple[Subject, Run, Point]] = [(network, go, point) for network, go in runs for point in network.points]
    noted: list[list[tuple[float, float]]] = [[] for _ in jobs]
    used: list[list[float]] = [[] for _ in jobs]
    devices = counters()
    num_images = sum(len(pixels) for pixels in batches)
    for _, go, point in jobs:
        once(go, batches, point.threshold)  # warms up, and compiles
    for _ in range(turns):
        for times, energy, (_, go, point) in zip(noted, used, jobs, strict=True):
            meter = Meter(devices)
            times.append(once(go, batches, point.threshold))
            energy.append(1000 * (meter.joules() or math.nan) / num_images)
    where = machine()
    return [
        {
            "network": network.name,
            "seed": network.seed,
            "sha256": network.sha256,
            "runtime": runtime,
            "threads": threads,
            "batch": batch,
            "choice": point.choice,
            "threshold": point.threshold,
            "accuracy": point.accuracy,
            "macs": point.macs,
            "macs_executed": network.macs_executed(point.choice, num_images),
            "milliseconds": statistics.median(wall for wall, _ in times),
            "cpu_milliseconds": statistics.median(cpu for _, cpu in times),
            "images_per_second": 1000 / statistics.median(wall for wall, _ in times),
            "millijoules": statistics.median(energy),
            "machine": where,
        }
        for times, energy, (network, _, point) in zip(noted, used, jobs, strict=True)
    ]


def once(go: Run, batches: list[Tensor], threshold: float) -> tuple[float, float]:
    """Milliseconds per image of all batches: by the clock, and of all processors together, which others do not lengthen."""
    start, busy = time.perf_counter(), time.process_time()
    for batch in batches:
        go(batch, threshold)
    spent = time.perf_counter() - start, time.process_time() - busy
    num_images = sum(len(batch) for batch in batches)
    return 1000 * spent[0] / num_images, 1000 * spent[1] / num_images


def exits_of(
    able: list[Subject],
    networks: dict[str, Made],
    splits: dict[str, Images],
    runtime: str,
    batch: int,
    threads: int,
    turns: int,
) -> list[dict[str, Any]]:
    """One row per network and exit."""
    batches = batches_of(splits["test"], batch)
    about = {"runtime": runtime, "threads": threads, "batch": batch}

    def timed(jobs: list[tuple[Run, float]], batches: list[Tensor]) -> list[float]:
        noted: list[list[float]] = [[] for _ in jobs]
        for turn in range(turns + 1):
            for times, (go, threshold) in zip(noted, jobs, strict=True):
                wall, cpu = once(go, batches, threshold)
                if turn:  # the first warms up
                    times.append(cpu if threads == 1 else wall)
        return [statistics.median(times) for times in noted]

    rows: list[dict[str, Any]] = []
    for one in (one for one in able if one.network.num_exits > 1):
        source = networks[one.name.removesuffix(", int8")]
        for row in by_exit(one, source, splits, batches, runtime, threads, timed):
            rows.append({"network": one.name, "sha256": one.sha256, **about, **row, "machine": machine()})
    return rows
