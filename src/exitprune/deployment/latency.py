"""What leaving at each exit takes, in milliseconds, measured with onnxruntime on the machine at hand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from exitprune.deployment.extras import onnxruntime_session
from exitprune.deployment.onnx_export import build_model
from exitprune.errors import BadInput
from exitprune.networks.early_exit import EarlyExitNetwork

NEVER, ALWAYS = 1e30, 1e-30  # temperatures that make an exit as unsure, and as sure, as can be


def exit_milliseconds(
    network: EarlyExitNetwork,
    mean: Sequence[float],
    std: Sequence[float],
    pixels: npt.NDArray[np.uint8],
    num_threads: int = 1,
    repeats: int = 30,
    prepare: Callable[[Any], Any] | None = None,
) -> list[float]:
    """Milliseconds per image of a batch that leaves together, for each exit; heads passed on the way included.

    One model per exit is built, whose earlier exits are never sure; all of them are timed in turn, so that a disturbance
    of the machine meets them alike, and the median counts.

    Args:
        network: folded.
        mean, std: as for `build_model`.
        pixels: (N, C, H, W), the batch.
        num_threads: that onnxruntime may use.
        repeats: turns.
        prepare: makes of each model the one that is timed, as quantising does; None: as they are.
    """
    num_exits, threshold = network.num_exits, np.array(1.5 / network.spec.num_classes, dtype=np.float32)
    feed = {"pixels": pixels, "threshold": threshold}
    sessions = []
    for exit_ in range(num_exits):
        temperatures = [NEVER] * exit_ + [ALWAYS] * (num_exits - exit_)
        model = build_model(network, mean, std, temperatures)
        made = onnxruntime_session((prepare(model) if prepare else model).SerializeToString(), num_threads)
        taken = made.run(["exit"], feed)[0]  # warms up, too
        if (taken != exit_).any():
            raise BadInput(
                f"exit {exit_} finds two classes equally likely for the images to be timed: give others, or no limit"
            )
        sessions.append(made)
    times: list[list[float]] = [[] for _ in sessions]
    for _ in range(repeats):
        for made, noted in zip(sessions, times, strict=True):
            before = time.perf_counter()
            made.run(None, feed)
            noted.append(time.perf_counter() - before)
    return [1000 * statistics.median(noted) / len(pixels) for noted in times]
