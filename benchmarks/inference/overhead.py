"""Where time does not follow MACs: depth, smaller batches, heads and softmax, and compaction, each measured.

A batch is run once to see how many images reach each exit. Then the parts are timed alone, on maps of exactly these sizes.
A stage is what runs between one exit and the next.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.inference.networks import Point, Subject
from exitprune.data.images import Images
from exitprune.deployment.measured_times import NOBODY
from exitprune.deployment.runtime import Segment, answer, segments
from exitprune.evaluation.exiting import confidence_of

REPEATS = 9
MOST_BATCHES = 4
"""Batches that are timed; at 32 x 32 ten thousand images would take hours."""


@torch.inference_mode()
def split_overhead(subject: Subject, point: Point, images: Images, batch_size: int) -> dict[str, Any]:
    """Milliseconds per image of one threshold, and what they go to, in PyTorch as it is.

    Returns:
        total; stages_promised (what the stages take on whole batches, in proportion to the MACs executed) and what comes on
        top of it: depth (the stages that most images reach take more time for their MACs than the others, or less),
        smaller_batches (stages take longer per image on what is left of a batch), heads (with softmax), compaction
        (deciding, picking maps, writing answers). These five add up to total. nobody: total when nobody leaves.
    """
    parts = segments(subject.network)
    in_whole_batches = max(len(images) // batch_size, 1) * batch_size
    num = min(in_whole_batches, MOST_BATCHES * batch_size, len(images))
    batches = [images.normalise(batch) for batch in torch.split(images.pixels[:num], batch_size)]
    staged = [stages(parts, batch, point.threshold) for batch in batches]
    whole = [stages(parts, batch, 1.0) for batch in batches]
    runs: dict[str, Callable[[], object]] = {
        "total": lambda: [answer(parts, batch, point.threshold) for batch in batches],
        "nobody": lambda: [answer(parts, batch, 1.0) for batch in batches],
        "body": lambda: run_bodies(parts, staged),
        "heads": lambda: [
            confidence_of(part.head(y)) for seen in staged for part, (_, y) in zip(parts, seen, strict=False)
        ],
    }
    for number, part in enumerate(parts):
        runs[f"stage {number}"] = partial(run_body, part, [seen[number][0] for seen in whole])
    medians = timed(runs, num)
    each = [medians[f"stage {number}"] for number in range(len(parts))]
    exits = subject.exits[point.choice][:num]
    reached = [float((exits >= number).double().mean()) for number in range(len(parts))]
    on_whole_batches = sum(share * stage for share, stage in zip(reached, each, strict=True))
    macs = subject.macs_executed(point.choice, num) / subject.macs_executed(NOBODY, num)
    return {
        "network": subject.name,
        "choice": point.choice,
        "macs_share": macs,
        "nobody": medians["nobody"],
        "total": medians["total"],
        "stages_promised": macs * sum(each),
        "depth": on_whole_batches - macs * sum(each),
        "smaller_batches": medians["body"] - on_whole_batches,
        "heads": medians["heads"],
        "compaction": medians["total"] - medians["body"] - medians["heads"],
    }


def run_body(part: Segment, maps: list[Tensor]) -> None:
    """A stage without its head."""
    for x in maps:
        for step in part.steps:
            x = step(x)


def run_bodies(parts: list[Segment], staged: list[list[tuple[Tensor, Tensor]]]) -> None:
    """Every stage on what was left of each batch when it got there."""
    for seen in staged:
        for part, (x, _) in zip(parts, seen, strict=False):
            run_body(part, [x])


def stages(parts: list[Segment], x: Tensor, threshold: float) -> list[tuple[Tensor, Tensor]]:
    """The map that goes into each stage and the one that its exit sees, until nobody is left."""
    seen = []
    for part in parts:
        if not len(x):
            break
        y, logits = part(x)
        seen.append((x, y))
        x = y[confidence_of(logits) <= threshold].contiguous(memory_format=torch.channels_last)
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
