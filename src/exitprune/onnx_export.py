"""One plain ONNX file that exits early: batches of any size, images leave inside the graph, no If and no Loop.

At each exit `Compress` keeps the images that stay; the answers of those that left are gathered and `ScatterND` puts
them into the order the images came in. Where nobody is left, nodes compute on empty tensors, which costs little.

    pixels     (N, C, H, W) uint8, as read from a file
    threshold  () float32; an image leaves where an exit's confidence exceeds it
    class      (N,) int64
    confidence (N,) float32, of the exit taken
    exit       (N,) int64, counted from 0

Letters: N images, C channels, K classes, H and W height and width. What is said about it: `model_card`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from exitprune.early_exit import EarlyExitNetwork
from exitprune.extras import extra
from exitprune.folding import FoldedBlock, folded_blocks, map_shapes

OPSET = 18
IR_VERSION = 9  # old enough for every onnxruntime that pyproject.toml allows


@dataclass
class Graph:
    """ONNX nodes and constants as they are added; values are known by the name of the node that makes them."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)

    def add(self, operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        """Append a node with one output of the same name."""
        onnx = extra("onnx")
        self.nodes.append(onnx.helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: npt.ArrayLike, kind: type[np.generic] = np.float32) -> str:
        """Add a constant."""
        array = np.array(value, dtype=kind, order="C")
        self.constants.append(extra("onnx").numpy_helper.from_array(array, name))
        return name

    def shape(self, name: str, shape: Sequence[int | str]) -> None:
        """Tell the shape of a value that cannot be inferred; letters stand for sizes not known before."""
        onnx = extra("onnx")
        self.shapes.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape)))

    def parameter(self, name: str, value: torch.Tensor) -> str:
        """Add a constant from a tensor."""
        array = value.detach().cpu().numpy()
        return self.constant(name, array, array.dtype.type)


def build_model(
    network: EarlyExitNetwork,
    mean: Sequence[float],
    std: Sequence[float],
    temperatures: Sequence[float] | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """The ONNX model of a folded network, smaller ones from `removal` included.

    Args:
        network: folded.
        mean, std: C each, of the training pixels, in units of the full range.
        temperatures: one per exit, by which its logits are divided; None: 1 everywhere.
        metadata: stored beside the graph, each value as JSON.

    Returns:
        An onnx.ModelProto, checked.

    Raises:
        BadInput: if onnx is not installed.
        ValueError: if the network is not folded.
    """
    onnx, spec, graph = extra("onnx"), network.spec, Graph()
    _add_network(graph, network, mean, std, temperatures or [1.0] * network.num_exits)
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
    model = helper.make_model(made, opset_imports=opsets, ir_version=IR_VERSION, producer_name="exitprune")
    helper.set_model_props(model, {key: json.dumps(value) for key, value in (metadata or {}).items()})
    onnx.checker.check_model(model, full_check=True)
    return model


def _add_network(
    graph: Graph,
    network: EarlyExitNetwork,
    mean: Sequence[float],
    std: Sequence[float],
    temperatures: Sequence[float],
) -> None:
    blocks, leaving = list(folded_blocks(network)), _Leaving(graph)
    x = _add_normalisation(graph, mean, std)
    x = graph.add("Relu", "stem.relu", _add_conv(graph, "stem", x, network.base.conv))
    numbers = {block: number for number, block in enumerate(network.spec.exits)}
    shapes = map_shapes(network)
    for index, (block, shape) in enumerate(zip(blocks, shapes, strict=True), 1):
        x = _add_block(graph, f"b{index}", x, block, shape[0])
        if index in numbers:
            number, head, name = numbers[index], network.heads[index], f"exit{numbers[index] + 1}"
            logits = _add_linear(graph, name, _add_pooling(graph, name, x, shape[1:], head.grid), head.fc)
            x = _keep_blocked(graph, name, leaving.after(number, logits, temperatures[number], x), shape)
    logits = _add_linear(graph, "fc", _add_pooling(graph, "fc", x, shapes[-1][1:], (1, 1)), network.base.fc)
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


def _add_conv(graph: Graph, name: str, x: str, conv: nn.Conv2d) -> str:
    assert conv.bias is not None
    weight = graph.parameter(f"{name}.weight", conv.weight)
    bias = graph.parameter(f"{name}.bias", conv.bias)
    padding = [int(side) for side in conv.padding] * 2
    return graph.add(
        "Conv", name, x, weight, bias, kernel_shape=list(conv.kernel_size), strides=list(conv.stride), pads=padding
    )


def _add_block(graph: Graph, name: str, x: str, block: FoldedBlock, channels: int) -> str:
    total = x if block.sc is None else _add_conv(graph, f"{name}.sc", x, block.sc)
    if block.c1 is not None and block.c2 is not None:
        taken = x
        if block.reads is not None:
            taken = graph.add("Gather", f"{name}.taken", x, graph.parameter(f"{name}.reads", block.reads), axis=1)
        inside = graph.add("Relu", f"{name}.relu1", _add_conv(graph, f"{name}.c1", taken, block.c1))
        branch = _add_conv(graph, f"{name}.c2", inside, block.c2)
        if block.writes is not None:
            branch = _spread(graph, name, branch, block.writes, channels)
        total = graph.add("Add", f"{name}.add", branch, total)
    if block.constant is not None:
        total = _add_constant(graph, name, total, block.constant)
    return graph.add("Relu", f"{name}.relu2", total)


def _add_constant(graph: Graph, name: str, x: str, constant: torch.Tensor) -> str:
    """(n, C, H, W) and (1, C, 1, 1) or (1, C, H, W) to their sum.

    One number per channel is added by a batch norm that does nothing else: exactly as much, and unlike an addition of unequal
    shapes onnxruntime does it in its blocked memory layout, together with the ReLU after it, in a fifth of the time.
    """
    if constant.shape[2:] != (1, 1):
        return graph.add("Add", f"{name}.add_constant", x, graph.parameter(f"{name}.constant", constant))
    channels = constant.shape[1]
    zeros, ones = (
        graph.constant(f"{name}.{word}", [number] * channels) for word, number in (("zeros", 0), ("ones", 1))
    )
    each = graph.parameter(f"{name}.constant", constant.flatten())
    return graph.add("BatchNormalization", f"{name}.add_constant", x, ones, each, zeros, ones, epsilon=0.0)


def _spread(graph: Graph, name: str, branch: str, writes: torch.Tensor, channels: int) -> str:
    """(n, k, H, W), the channels that a branch writes, to (n, C, H, W) with zeros between."""
    sides = graph.constant(f"{name}.sides", [0, 0, 0, 0, 0, 1, 0, 0], np.int64)  # one channel of zeros at the end
    padded = graph.add("Pad", f"{name}.padded", branch, sides)
    source = torch.full((channels,), len(writes))
    source[writes.cpu()] = torch.arange(len(writes))
    return graph.add("Gather", f"{name}.spread", padded, graph.parameter(f"{name}.writes", source), axis=1)


def _keep_blocked(graph: Graph, name: str, x: str, shape: tuple[int, int, int]) -> str:
    """Change nothing, so that onnxruntime goes on in its blocked memory layout after `Compress`, which has none.

    A pooling of 1 x 1 is the identity and brings a map into that layout; only there, and with batches known to be equal,
    onnxruntime works a block's addition and ReLU into the convolution before them.
    """
    graph.shape(x, [f"N_{name}", *shape])
    return graph.add("MaxPool", f"{name}.blocked", x, kernel_shape=[1, 1])


def _add_pooling(graph: Graph, name: str, x: str, size: tuple[int, int], grid: tuple[int, int]) -> str:
    """Average a map of a size to a grid, adaptively as torch does; (n, C, H, W) to (n, C x grid)."""
    if grid == (1, 1):
        x = graph.add("GlobalAveragePool", f"{name}.pool", x)
    elif size[0] % grid[0] == 0 and size[1] % grid[1] == 0:
        if size != grid:
            sides = [size[0] // grid[0], size[1] // grid[1]]
            x = graph.add("AveragePool", f"{name}.pool", x, kernel_shape=sides, strides=sides)
    else:  # windows overlap: averages of rows, then of columns
        rows = graph.parameter(f"{name}.rows", _averages(size[0], grid[0]).T)  # (grid, H)
        columns = graph.parameter(f"{name}.columns", _averages(size[1], grid[1]))  # (W, grid)
        x = graph.add("MatMul", f"{name}.pool_rows", rows, x)
        x = graph.add("MatMul", f"{name}.pool", x, columns)
    return graph.add("Flatten", f"{name}.flat", x)


def _averages(size: int, cells: int) -> torch.Tensor:
    """(size, cells), by which a row of a map is multiplied to average it adaptively."""
    return F.adaptive_avg_pool1d(torch.eye(size), cells)


def _add_linear(graph: Graph, name: str, x: str, linear: nn.Linear) -> str:
    weight = graph.parameter(f"{name}.weight", linear.weight)
    bias = graph.parameter(f"{name}.bias", linear.bias)
    return graph.add("Gemm", f"{name}.logits", x, weight, bias, transB=1)


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
        graph, name = self.graph, f"exit{number + 1}"
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
        self._note(number, "fc", self.waiting, *self._answers("fc", logits, temperature))
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
