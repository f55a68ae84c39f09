"""Where time does not follow MACs: heads and softmax, compaction, and smaller batches, each measured.

A batch is run once to see how many images reach each exit. Then the parts are timed alone, on maps of exactly these sizes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from benchmarks.inference.networks import Point, Subject
from exitprune.exiting import confidence_of
from exitprune.runtime import Segment, answer, segments
from exitprune.training import Images

REPEATS = 9


@torch.inference_mode()
def split_overhead(subject: Subject, point: Point, images: Images, batch_size: int) -> dict[str, Any]:
    """Milliseconds per image of one threshold, and of its parts, in PyTorch as it is.

    Returns:
        total; body (blocks alone, on the batches as they shrink); heads (with softmax); compaction (what is left of the
        total: deciding, picking maps, writing answers); promised (the body of a whole batch that nobody leaves, in
        proportion to the MACs executed); smaller_batches (what the body takes beyond that).
    """
    parts = segments(subject.network)
    pixels = images.pixels[: len(images) // batch_size * batch_size]
    batches = [images.normalise(batch) for batch in torch.split(pixels, batch_size)]
    staged = [stages(parts, batch, point.threshold) for batch in batches]

    def bodies(at: list[list[Tensor]]) -> None:
        for maps in at:
            for part, map_ in zip(parts, maps, strict=False):
                for step in part.steps:
                    map_ = step(map_)

    def heads(at: list[list[Tensor]]) -> None:
        for outputs in at:
            for part, map_ in zip(parts, outputs, strict=False):
                confidence_of(part.head(map_)).max()

    whole = [[batch, *[output for output, _ in stages(parts, batch, 1.0)][:-1]] for batch in batches]
    reached = [[batch, *[kept for _, kept in stage][:-1]] for batch, stage in zip(batches, staged, strict=True)]
    outputs = [[output for output, _ in stage] for stage in staged]
    runs: dict[str, Callable[[], object]] = {
        "total": lambda: [answer(parts, batch, point.threshold) for batch in batches],
        "body": lambda: bodies(reached),
        "heads": lambda: heads(outputs),
        "whole": lambda: bodies(whole),
    }
    medians = timed(runs, len(pixels))
    promised = medians["whole"] * point.macs_executed / subject.points[0].macs_executed
    return {
        "network": subject.name,
        "choice": point.choice,
        "total": medians["total"],
        "promised": promised,
        "smaller_batches": medians["body"] - promised,
        "heads": medians["heads"],
        "compaction": medians["total"] - medians["body"] - medians["heads"],
    }


def stages(parts: list[Segment], x: Tensor, threshold: float) -> list[tuple[Tensor, Tensor]]:
    """The map that each exit sees, and the part of it that goes on, until nobody is left."""
    seen = []
    for part in parts:
        if not len(x):
            break
        x, logits = part(x)
        stays = confidence_of(logits) <= threshold
        kept = x[stays].contiguous(memory_format=torch.channels_last)
        seen.append((x, kept))
        x = kept
    return seen


def timed(runs: dict[str, Callable[[], object]], num_images: int) -> dict[str, float]:
    """Milliseconds per image, medians of repeats taken in turn."""
    noted: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(REPEATS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if repeat:  # the first warms up
                noted[name].append(1000 * (time.perf_counter() - start) / num_images)
    return {name: statistics.median(values) for name, values in noted.items()}
