"""Layers of a folded network as ONNX nodes: convolutions, residual blocks, pooling, linear layers.

Every function adds nodes to a graph and returns the name of the value that they yield.

Letters: n images still there, C channels, k channels that a branch writes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn

from exitprune.deployment.extras import extra
from exitprune.deployment.folding import FoldedBlock


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


def add_conv(graph: Graph, name: str, x: str, conv: nn.Conv2d) -> str:
    assert conv.bias is not None
    weight = graph.parameter(f"{name}.weight", conv.weight)
    bias = graph.parameter(f"{name}.bias", conv.bias)
    padding = [int(side) for side in conv.padding] * 2
    return graph.add(
        "Conv", name, x, weight, bias, kernel_shape=list(conv.kernel_size), strides=list(conv.stride), pads=padding
    )


def add_block(graph: Graph, name: str, x: str, block: FoldedBlock, channels: int) -> str:
    total = x if block.sc is None else add_conv(graph, f"{name}.sc", x, block.sc)
    if block.c1 is not None and block.c2 is not None:
        taken = x
        if block.reads is not None:
            taken = graph.add("Gather", f"{name}.taken", x, graph.parameter(f"{name}.reads", block.reads), axis=1)
        inside = graph.add("Relu", f"{name}.relu1", add_conv(graph, f"{name}.c1", taken, block.c1))
        branch = add_conv(graph, f"{name}.c2", inside, block.c2)
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


def keep_blocked(graph: Graph, name: str, x: str, shape: tuple[int, int, int]) -> str:
    """Change nothing, so that onnxruntime goes on in its blocked memory layout after `Compress`, which has none.

    A pooling of 1 x 1 is the identity and brings a map into that layout; only there, and with batches known to be equal,
    onnxruntime works a block's addition and ReLU into the convolution before them.
    """
    graph.shape(x, [f"N_{name}", *shape])
    return graph.add("MaxPool", f"{name}.blocked", x, kernel_shape=[1, 1])


def add_pooling(graph: Graph, name: str, x: str, size: tuple[int, int], grid: tuple[int, int]) -> str:
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


def add_linear(graph: Graph, name: str, x: str, linear: nn.Linear) -> str:
    weight = graph.parameter(f"{name}.weight", linear.weight)
    bias = graph.parameter(f"{name}.bias", linear.bias)
    return graph.add("Gemm", f"{name}.logits", x, weight, bias, transB=1)
