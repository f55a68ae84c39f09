"""The ONNX model of any network: its own code is followed by torch's tracer, images leaving on the way.

What `onnx_export` builds node by node for blocks, torch writes down here while the network runs: at each exit those who stay
are picked by index, so that the graph holds batches of any size and needs no If and no Loop.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import copy
import io
import warnings
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from exitprune.deployment.extras import extra
from exitprune.networks.early_exit import EarlyExitNetwork, ExitHead
from exitprune.networks.operations import CannotFollow
from exitprune.networks.uses import without_fast_path

NUM_TRACED = 8
"""Images that are traced with: any number, as long as it is not one, which torch takes for a constant."""
OUTPUTS = ("class", "confidence", "exit")


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
    with without_fast_path(), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # that it is the older of torch's two writers, and what is a constant in a trace
        try:
            torch.onnx.export(
                running,
                (pixels, torch.tensor(0.5)),
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
    _allow_empty(onnx, model.graph)
    return model


def _allow_empty(onnx: Any, graph: Any) -> None:
    """Let maps of no image be reshaped: a 0 among the sizes asked for is a size, and not one to be copied.

    Where one size is left to be found, -1, copying is right, and the other is not allowed.
    """
    constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}

    def found(name: str) -> set[int]:
        """The constant sizes in a vector of sizes."""
        if name in constants:
            return set(constants[name].reshape(-1).tolist())
        maker = makers.get(name)
        if maker is None or maker.op_type not in ("Concat", "Unsqueeze", "Constant", "Identity", "Cast"):
            return set()
        if maker.op_type == "Constant":
            return set(onnx.numpy_helper.to_array(maker.attribute[0].t).reshape(-1).tolist())
        return set().union(*map(found, maker.input))

    for node in graph.node:
        if node.op_type == "Reshape" and not found(node.input[1]) & {-1, 0}:
            kept = [attribute for attribute in node.attribute if attribute.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("allowzero", 1)])
