"""Answer images with a network in stages, each leaving where it is sure. `exitprune export --form stages` copies this file.

Needs numpy, and a function per stage that runs it in whatever runtime there is: docs/deploy.md has one for onnxruntime and one
for OpenVINO.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def answer(stages: Sequence[Callable[[Any], Sequence[Any]]], pixels: Any, threshold: float) -> tuple[Any, Any, Any]:
    """Class, confidence and exit of each image; a stage that nobody reaches does not run.

    Args:
        stages: each from (N, ...) to class (N,), confidence (N,) and, but for the last, the map (N, ...) for the next.
        pixels: (N, C, H, W) uint8.
        threshold: an image leaves at the first exit whose confidence exceeds it; 1 or more: all take the last one.
    """
    label = np.zeros(len(pixels), dtype=np.int64)
    confidence = np.zeros(len(pixels), dtype=np.float32)
    exit_ = np.zeros(len(pixels), dtype=np.int64)
    waiting, rows = np.arange(len(pixels)), pixels  # which image each row belongs to
    for number, stage in enumerate(stages):
        if not len(waiting):
            break
        answers, sure, *rest = stage(rows)
        leaves = np.asarray(sure) > np.float32(threshold) if rest else np.ones(len(waiting), dtype=bool)
        gone, waiting = waiting[leaves], waiting[~leaves]
        label[gone], confidence[gone], exit_[gone] = answers[leaves], sure[leaves], number
        rows = rest[0][~leaves] if rest else rows
    return label, confidence, exit_


def in_batches(stage: Callable[[Any], Sequence[Any]], size: int) -> Callable[[Any], Sequence[Any]]:
    """A stage that takes any number of rows, from one that takes `size` at once: rows fill up the last batch and are dropped."""

    def any_number(rows: Any) -> Sequence[Any]:
        parts = []
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            filled = np.concatenate([batch, np.repeat(batch[-1:], size - len(batch), axis=0)])
            parts.append([np.asarray(output)[: len(batch)] for output in stage(filled)])
        return [np.concatenate(outputs) for outputs in zip(*parts, strict=True)]

    return any_number
