"""The ONNX model of any network: its own code is followed by torch's tracer, images leaving on the way.

What `onnx_export` builds node by node for blocks, torch writes down here while the network runs: at each exit those who stay
are picked by index, so that the graph holds batches of any size and needs no If and no Loop.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import builtins
import copy
import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.deployment.extras import extra, onnxruntime_session
from exitprune.deployment.onnx_empty_maps import allow_empty
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.exit_head import ExitHead
from exitprune.networks.operations import CannotFollow
from exitprune.networks.uses import without_fast_path

NUM_TRACED = 8
"""Images that are traced with: any number, as long as it is not one, which torch takes for a constant."""
OUTPUTS = ("class", "confidence", "exit")
RECURRENT = {"LSTM", "GRU"}
"""Operations at which onnxruntime 1.32 ends the whole process when all images have left before."""


class Leaving(nn.Module):
    """(N, C, H, W) uint8 pixels and a threshold to what each image is answered."""

    def __init__(
        self, network: EarlyExitNetwork, mean: Sequence[float], std: Sequence[float], temperatures: Sequence[float]
    ) -> None:
        super().__init__()
        self.network, self.temperatures = network, temperatures
        self.mean, self.std = (torch.tensor(values).reshape(-1, 1, 1) for values in (mean, std))

    def forward(self, pixels: Tensor, threshold: Tensor) -> tuple[Tensor, ...]:
        """Class, confidence and exit, (N,) each."""
        heads = list(self.network.heads.items())
        waiting = [torch.nonzero(torch.ones_like(pixels[:, 0, 0, 0])).squeeze(1)]
        left: list[list[Tensor]] = [[], [], [], []]

        def note(images: Tensor, label: Tensor, sure: Tensor, number: int) -> None:
            for values, value in zip(left, (images, label, sure, torch.full_like(label, number)), strict=True):
                values.append(value)

        def answers(logits: Tensor, number: int) -> tuple[Tensor, Tensor]:
            return logits.argmax(1), (logits / self.temperatures[number]).softmax(1).amax(1)

        def leave(x: Tensor, number: int, head: ExitHead) -> Tensor:
            label, sure = answers(head(x), number)
            leaves = sure > threshold
            goes, stays = torch.nonzero(leaves).squeeze(1), torch.nonzero(leaves.logical_not()).squeeze(1)
            note(waiting[0][goes], label[goes], sure[goes], number)
            waiting[0] = waiting[0][stays]
            return x.index_select(0, stays)

        at = {point: partial(leave, number=number, head=head) for number, (point, head) in enumerate(heads)}
        logits = self.network.base.run((pixels.float() / 255 - self.mean) / self.std, at)
        note(waiting[0], *answers(logits, len(heads)), len(heads))
        images = torch.cat(left[0])
        given = [torch.cat(values) for values in left[1:]]
        return tuple(torch.zeros_like(values).scatter(0, images, values) for values in given)


def traced_model(
    network: EarlyExitNetwork,
    mean: Sequence[float],
    std: Sequence[float],
    temperatures: Sequence[float],
    opset: int,
) -> Any:
    """An onnx.ModelProto; arguments as those of `onnx_export.build_model`.

    Raises:
        BadInput: if onnx is not installed, or torch cannot write down what the network does.
    """
    onnx, spec = extra("onnx"), network.spec
    running = Leaving(copy.deepcopy(network).cpu(), mean, std, temperatures).eval()
    pixels = torch.randint(0, 256, (NUM_TRACED, spec.channels, spec.height, spec.width), dtype=torch.uint8)
    file, batch = io.BytesIO(), {0: "N"}
    with without_fast_path(), _following_len(), _pooling_to_any_size(), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # that it is the older of torch's two writers, and what is a constant in a trace
        try:
            torch.onnx.export(
                running,
                (pixels, torch.tensor(1.0)),  # nobody leaves while it is traced
                cast(Any, file),
                dynamo=False,
                opset_version=opset,
                input_names=["pixels", "threshold"],
                output_names=list(OUTPUTS),
                dynamic_axes={"pixels": batch, **dict.fromkeys(OUTPUTS, batch)},
            )
        except (torch.onnx.errors.OnnxExporterError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[0]
            raise CannotFollow(
                f"{spec.own.title} cannot be written as ONNX: {reason}; predict with it in PyTorch"
            ) from None
    model = onnx.load_from_string(file.getvalue())
    if not spec.exits:  # nobody asks for it, and torch leaves it out
        model.graph.input.append(onnx.helper.make_tensor_value_info("threshold", onnx.TensorProto.FLOAT, []))
    if RECURRENT & {node.op_type for node in model.graph.node}:
        raise CannotFollow(
            f"{spec.own.title} cannot be written as ONNX: onnxruntime aborts at a recurrent layer that no image comes to;"
            " predict with it in PyTorch"
        )
    try:
        allow_empty(onnx, model, pixels.numpy())
        is_same = _answers_the_same(running, model, pixels)
    except Exception:  # onnxruntime has kinds of its own
        is_same = False
    if not is_same:
        raise CannotFollow(
            f"{spec.own.title} cannot be written as ONNX: as traced, it answers for {NUM_TRACED} images like those alone; take"
            " the number of images from x.shape[0] wherever it is needed, let no `if` look at pixels, or predict in PyTorch"
        )
    return model


@contextmanager
def _following_len() -> Iterator[None]:
    """`len` of a tensor is its `shape[0]`, which the tracer follows: what it gives otherwise is a constant in a trace."""
    plain = builtins.len

    def followed(given: Any) -> Any:
        return given.shape[0] if isinstance(given, Tensor) and given.dim() else plain(given)

    builtins.len = followed
    try:
        yield
    finally:
        builtins.len = plain


@contextmanager
def _pooling_to_any_size() -> Iterator[None]:
    """Adaptive averages to sizes that do not divide a map's, which torch's writer has no words for, are two products."""
    plain = F.adaptive_avg_pool2d

    def pooled(x: Tensor, wanted: Any) -> Tensor:
        there = [int(size) for size in x.shape[-2:]]
        sizes = [wanted] * 2 if isinstance(wanted, int) else wanted
        grid = [old if size is None else int(size) for old, size in zip(there, sizes, strict=True)]
        if not any(old % size for old, size in zip(there, grid, strict=True)):
            return plain(x, wanted)
        rows, columns = (x.new_tensor(_shares(old, size)) for old, size in zip(there, grid, strict=True))
        return rows @ x @ columns.t()

    cast(Any, F).adaptive_avg_pool2d = pooled
    try:
        yield
    finally:
        F.adaptive_avg_pool2d = plain


def _shares(old: int, size: int) -> list[list[float]]:
    """How much each of `size` cells has of each of `old` pixels; cells overlap where one does not divide the other."""
    cells = [range(cell * old // size, -(-(cell + 1) * old // size)) for cell in range(size)]
    return [[1 / len(cell) if pixel in cell else 0.0 for pixel in range(old)] for cell in cells]


def _answers_the_same(running: Leaving, model: Any, pixels: Tensor) -> bool:
    """Whether onnxruntime is as sure as PyTorch, for batches of other sizes than the one traced with, dark or bright."""
    session = onnxruntime_session(model.SerializeToString(), 1)
    others = pixels // 8, torch.zeros_like(pixels), torch.full_like(pixels, 255)
    for shown in (pixels[:1], pixels[:3], *others):
        with torch.no_grad():  # nobody leaves: code of a stranger's may not run for no image
            sure = running(shown, torch.tensor(1.0))[1].numpy()
        feed = {"pixels": shown.numpy(), "threshold": np.array(1.0, dtype=np.float32)}
        (found,) = session.run(["confidence"], feed)
        if found.shape != sure.shape or not np.allclose(found, sure, rtol=0, atol=1e-2):
            return False
    return True
