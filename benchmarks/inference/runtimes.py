"""Ways to run a network: PyTorch as it is, its blocks compiled, onnxruntime, in eight bits too, and sparse kernels.

Pixels in, answers out: each takes (N, C, H, W) uint8 pixels and normalises them itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.inference.networks import Subject
from exitprune.data.images import Images
from exitprune.deployment.extras import onnxruntime_session
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.runtime import Segment, answer, segments
from exitprune.deployment.sparse.from_network import steps_of
from exitprune.deployment.sparse.model import SparseNetwork

Run = Callable[[Tensor, float], Any]
"""(pixels, threshold) to answers."""


def eager(subject: Subject, images: Images, threads: int) -> Run:
    """PyTorch, stage by stage."""
    parts = segments(subject.network)
    return lambda pixels, threshold: answer(parts, images.normalise(pixels), threshold)


def compiled(subject: Subject, images: Images, threads: int) -> Run:
    """PyTorch with blocks and heads compiled for batches of any size.

    Block by block, and not a stage at a time: blocks of one shape are compiled once, whatever network they are in, and
    kernels are not fused across a convolution either way.
    """
    torch._dynamo.config.recompile_limit = 1000  # past the limit they would silently run as they are
    torch._dynamo.config.accumulated_recompile_limit = 1000
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    ready = partial(torch.compile, dynamic=True)
    parts = [Segment(tuple(ready(step) for step in part.steps), ready(part.head)) for part in segments(subject.network)]
    return lambda pixels, threshold: answer(parts, images.normalise(pixels), threshold)


def onnxruntime(subject: Subject, images: Images, threads: int) -> Run:
    """The exported model."""
    mean, std = images.mean.flatten().tolist(), images.std.flatten().tolist()
    model = subject.model or build_model(subject.network, mean, std).SerializeToString()
    made = onnxruntime_session(model, threads)

    def run(pixels: Tensor, threshold: float) -> Any:
        feed = {"pixels": pixels.numpy(), "threshold": np.array(threshold, dtype=np.float32)}
        return made.run(["class", "confidence", "exit"], feed)

    return run


def sparse(subject: Subject, images: Images, threads: int) -> Run:
    """Kernels that leave zeros out."""
    mean, std = images.mean.flatten().tolist(), images.std.flatten().tolist()
    packed = SparseNetwork(steps_of(subject.network, mean, std), threads)
    return lambda pixels, threshold: packed(pixels.numpy(), threshold)


RUNTIMES = {"eager": eager, "compiled": compiled, "onnxruntime": onnxruntime, "int8": onnxruntime, "sparse": sparse}
"""By the name that tables have; `int8` takes a network's model in eight bits, the others take what is in float32."""
