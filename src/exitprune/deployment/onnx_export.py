"""One plain ONNX file that exits early: batches of any size, images leave inside the graph, no If and no Loop.

At each exit `Compress` keeps the images that stay; the answers of those that left are gathered and `ScatterND` puts
them into the order the images came in. Where nobody is left, nodes compute on empty tensors, which costs little.

    pixels     (N, C, H, W) uint8, as read from a file
    threshold  () float32; an image leaves where an exit's confidence exceeds it
    class      (N,) int64
    confidence (N,) float32, of the exit taken
    exit       (N,) int64, counted from 0

Letters: N images, C channels, K classes, H and W height and width. Its layers: `onnx_layers`. What is said about it:
`model_card`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from exitprune.deployment.extras import extra
from exitprune.deployment.folding import folded_base
from exitprune.deployment.onnx_graph import Graph
from exitprune.deployment.onnx_layers import add_linear, add_piece, add_pooling, keep_blocked
from exitprune.deployment.onnx_traced import traced_model
from exitprune.networks.architectures import Blocks
from exitprune.networks.coupling import shapes_of
from exitprune.networks.early_exit import EXIT, EarlyExitNetwork

OPSET = 18
LAST = "last"  # what the names of the classifier's nodes begin with
IR_VERSION = 9  # old enough for every onnxruntime that pyproject.toml allows


def build_model(
    network: EarlyExitNetwork,
    mean: Sequence[float],
    std: Sequence[float],
    temperatures: Sequence[float] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """The ONNX model of a network: of a folded one node by node, smaller ones from `removal` included; of any other as traced.

    Args:
        network: folded, if it is made of blocks.
        mean, std: C each, of the training pixels, in units of the full range.
        temperatures: one per exit, by which its logits are divided; None: 1 everywhere.
        metadata: stored beside the graph, each value as JSON.

    Returns:
        An onnx.ModelProto, checked.

    Raises:
        BadInput: if onnx is not installed.
        ValueError: if the network is not folded.
    """
    onnx = extra("onnx")
    applied = temperatures or [1.0] * network.num_exits
    if isinstance(network.base, Blocks):
        model = _built_model(onnx, network, mean, std, applied)
    else:
        model = traced_model(network, mean, std, applied, OPSET)
    onnx.helper.set_model_props(model, {key: json.dumps(value) for key, value in (metadata or {}).items()})
    onnx.checker.check_model(model, full_check=True)
    return model


def _built_model(
    onnx: Any, network: EarlyExitNetwork, mean: Sequence[float], std: Sequence[float], temperatures: Sequence[float]
) -> Any:
    """Of a folded network, node by node."""
    spec, graph = network.spec, Graph()
    _add_network(graph, network, mean, std, temperatures)
    helper, types = onnx.helper, onnx.TensorProto
    pixels = ["N", spec.channels, spec.height, spec.width]
    made = helper.make_graph(
        graph.nodes,
        "exitprune",
        [
            helper.make_tensor_value_info("pixels", types.UINT8, pixels),
            helper.make_tensor_value_info("threshold", types.FLOAT, []),
        ],
        [
            helper.make_tensor_value_info("class", types.INT64, ["N"]),
            helper.make_tensor_value_info("confidence", types.FLOAT, ["N"]),
            helper.make_tensor_value_info("exit", types.INT64, ["N"]),
        ],
        graph.constants,
        value_info=graph.shapes,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="exitprune")


def _add_network(
    graph: Graph,
    network: EarlyExitNetwork,
    mean: Sequence[float],
    std: Sequence[float],
    temperatures: Sequence[float],
) -> None:
    pieces, leaving = folded_base(network).pieces(), _Leaving(graph)
    shapes = shapes_of(network, pieces)
    x = add_piece(graph, "stem", _add_normalisation(graph, mean, std), pieces[0], shapes[0])
    numbers = {block: number for number, block in enumerate(network.spec.exits)}
    for block, piece in enumerate(pieces[1:-1], 1):
        x = add_piece(graph, f"b{block}", x, piece, shapes[block])
        if block in numbers:
            number, head, name = numbers[block], network.heads[block], f"{EXIT}{numbers[block]}"
            _, channels, height, width = shapes[block][piece.output]
            logits = add_linear(graph, name, add_pooling(graph, name, x, (height, width), head.grid), head.fc)
            x = leaving.after(number, logits, temperatures[number], x)
            x = keep_blocked(graph, name, x, (channels, height, width))
    logits = add_piece(graph, LAST, x, pieces[-1], shapes[-1])
    leaving.at_last(network.num_exits - 1, logits, temperatures[-1])


def _add_normalisation(graph: Graph, mean: Sequence[float], std: Sequence[float]) -> str:
    """As training.Images.normalise does, step by step, so that rounding is the same."""
    scale = graph.constant("pixels.full", 255.0)
    centre = graph.constant("pixels.mean", [[[value]] for value in mean])
    spread = graph.constant("pixels.std", [[[value]] for value in std])
    x = graph.add("Cast", "pixels.float", "pixels", to=extra("onnx").TensorProto.FLOAT)
    x = graph.add("Div", "pixels.scaled", x, scale)
    x = graph.add("Sub", "pixels.centred", x, centre)
    return graph.add("Div", "pixels.normalised", x, spread)


class _Leaving:
    """Who is still there, and the answers of those that left, exit by exit."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        zero, one = (graph.constant(f"number.{n}", n, np.int64) for n in (0, 1))
        self.first_axis = graph.constant("first_axis", [0], np.int64)
        self.second_axis = graph.constant("second_axis", [1], np.int64)
        self.num_images = graph.add("Shape", "num_images", "pixels", end=1)
        count = graph.add("Squeeze", "num_images.scalar", self.num_images, self.first_axis)
        self.waiting = graph.add("Range", "waiting", zero, count, one)  # which of the batch each row is
        self.left: dict[str, list[str]] = {"image": [], "class": [], "confidence": [], "exit": []}

    def after(self, number: int, logits: str, temperature: float, x: str) -> str:
        """Let the confident images leave an early exit; returns the feature map of the others."""
        graph, name = self.graph, f"{EXIT}{number}"
        answer, confidence = self._answers(name, logits, temperature)
        leaves = graph.add("Greater", f"{name}.leaves", confidence, "threshold")
        stays = graph.add("Not", f"{name}.stays", leaves)
        took = [
            graph.add("Compress", f"{name}.left_{what}", value, leaves, axis=0)
            for what, value in (("image", self.waiting), ("class", answer), ("confidence", confidence))
        ]
        self._note(number, name, *took)
        self.waiting = graph.add("Compress", f"{name}.waiting", self.waiting, stays, axis=0)
        return graph.add("Compress", f"{name}.staying", x, stays, axis=0)

    def at_last(self, number: int, logits: str, temperature: float) -> None:
        """Let everybody leave at the classifier, and put all answers in the order of the images."""
        graph = self.graph
        self._note(number, LAST, self.waiting, *self._answers(LAST, logits, temperature))
        gathered = {
            what: graph.add("Concat", f"left.{what}", *parts, axis=0) if len(parts) > 1 else parts[0]
            for what, parts in self.left.items()
        }
        places = graph.add("Unsqueeze", "left.places", gathered.pop("image"), self.second_axis)
        onnx = extra("onnx")
        for what, values in gathered.items():
            kind = np.zeros(1, dtype=np.float32 if what == "confidence" else np.int64)
            blank = graph.add(
                "ConstantOfShape", f"blank.{what}", self.num_images, value=onnx.numpy_helper.from_array(kind)
            )
            graph.add("ScatterND", what, blank, places, values)

    def _answers(self, name: str, logits: str, temperature: float) -> tuple[str, str]:
        graph = self.graph
        answer = graph.add("ArgMax", f"{name}.class", logits, axis=1, keepdims=0)
        if temperature != 1:
            divisor = graph.constant(f"{name}.temperature", temperature)
            logits = graph.add("Div", f"{name}.scaled", logits, divisor)
        shares = graph.add("Softmax", f"{name}.softmax", logits, axis=1)
        return answer, graph.add("ReduceMax", f"{name}.confidence", shares, self.second_axis, keepdims=0)

    def _note(self, number: int, name: str, image: str, answer: str, confidence: str) -> None:
        """Remember who left at an exit, and with what."""
        count = self.graph.add("Shape", f"{name}.num_left", image)
        which = extra("onnx").numpy_helper.from_array(np.array([number], dtype=np.int64))
        exit_ = self.graph.add("ConstantOfShape", f"{name}.exit", count, value=which)
        for what, value in zip(self.left, (image, answer, confidence, exit_), strict=True):
            self.left[what].append(value)
