"""The operations of a folded network as ONNX nodes.

Every function adds nodes to a graph and returns the name of the value that they yield.

Letters: n images still there, C channels, k channels that a branch writes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from exitprune.deployment.onnx_graph import Graph
from exitprune.networks.operations import INPUT, Operation, Piece


def add_conv(graph: Graph, name: str, x: str, conv: nn.Conv2d) -> str:
    """A convolution with a bias."""
    assert conv.bias is not None
    weight = graph.parameter(f"{name}.weight", conv.weight)
    bias = graph.parameter(f"{name}.bias", conv.bias)
    padding = [int(side) for side in conv.padding] * 2
    more: dict[str, Any] = {"group": conv.groups} if conv.groups > 1 else {}
    more |= {"dilations": list(conv.dilation)} if conv.dilation != (1, 1) else {}
    return graph.add(
        "Conv",
        name,
        x,
        weight,
        bias,
        kernel_shape=list(conv.kernel_size),
        strides=list(conv.stride),
        pads=padding,
        **more,
    )


def add_piece(graph: Graph, name: str, x: str, piece: Piece, shapes: Mapping[str, tuple[int, ...]]) -> str:
    """The operations of a folded piece.

    Args:
        graph: nodes are added to it.
        name: what theirs begin with.
        x: the map that the piece takes.
        piece: folded, and made smaller or not.
        shapes: of the piece's values, for one image.
    """
    values = {INPUT: x}
    for operation in piece.operations:
        takes = [values[value] for value in operation.inputs]
        part, own = piece.parts.get(operation.layer), f"{name}.{operation.name}"
        if isinstance(part, nn.Module):
            values[operation.name] = ADDING_MODULES[type(part)](graph, own, takes[0], part)
        else:
            before, after = shapes[operation.inputs[0]], shapes[operation.name]
            values[operation.name] = ADDING[operation.kind](graph, own, takes, operation, part, before, after)
    return values[piece.output]


def _add_relu(graph: Graph, name: str, takes: list[str], *_: Any) -> str:
    return graph.add("Relu", name, *takes)


def _add_sum(graph: Graph, name: str, takes: list[str], *_: Any) -> str:
    return graph.add("Add", name, *takes)


def _add_concatenation(graph: Graph, name: str, takes: list[str], *_: Any) -> str:
    return graph.add("Concat", name, *takes, axis=1)


def _add_windows(graph: Graph, name: str, takes: list[str], operation: Operation, *_: Any) -> str:
    given = operation.settings
    more = {"count_include_pad": int(given.get("count_include_pad", True))} if operation.kind == "average_pool" else {}
    return graph.add(
        "MaxPool" if operation.kind == "max_pool" else "AveragePool",
        name,
        *takes,
        kernel_shape=list(given["kernel_size"]),
        strides=list(given["stride"]),
        pads=list(given["padding"]) * 2,
        ceil_mode=int(given["ceil_mode"]),
        **more,
    )


def _add_average(
    graph: Graph,
    name: str,
    takes: list[str],
    operation: Operation,
    part: torch.Tensor | None,
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> str:
    """An adaptive average, or one over the whole map, which is flat."""
    if operation.kind == "mean":
        return add_pooling(graph, name, takes[0], (before[2], before[3]), (1, 1))
    return add_grid(graph, name, takes[0], (before[2], before[3]), (after[2], after[3]))


def _add_flattening(graph: Graph, name: str, takes: list[str], *_: Any) -> str:
    return graph.add("Flatten", name, *takes)


def _add_picking(graph: Graph, name: str, takes: list[str], operation: Operation, part: torch.Tensor, *_: Any) -> str:
    return graph.add("Gather", name, takes[0], graph.parameter(f"{name}.channels", part), axis=1)


def _add_few(
    graph: Graph,
    name: str,
    takes: list[str],
    operation: Operation,
    part: torch.Tensor,
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> str:
    return graph.add("Add", name, _spread(graph, name, takes[1], part, before[1]), takes[0])


def _add_level(graph: Graph, name: str, takes: list[str], operation: Operation, part: torch.Tensor, *_: Any) -> str:
    return _add_constant(graph, name, takes[0], part)


def add_norm(graph: Graph, name: str, x: str, norm: nn.BatchNorm2d) -> str:
    """A batch norm that follows no convolution."""
    values = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    names = [graph.parameter(f"{name}.{what}", cast(torch.Tensor, value)) for what, value in enumerate(values)]
    return graph.add("BatchNormalization", name, x, *names, epsilon=norm.eps)


def _add_constant(graph: Graph, name: str, x: str, constant: torch.Tensor) -> str:
    """(n, C, H, W) and (1, C, 1, 1) or (1, C, H, W) to their sum.

    One number per channel is added by a batch norm that does nothing else: exactly as much, and unlike an addition of unequal
    shapes onnxruntime does it in its blocked memory layout, together with the ReLU after it, in a fifth of the time.
    """
    if constant.shape[2:] != (1, 1):
        return graph.add("Add", name, x, graph.parameter(f"{name}.constant", constant))
    channels = constant.shape[1]
    zeros, ones = (
        graph.constant(f"{name}.{word}", [number] * channels) for word, number in (("zeros", 0), ("ones", 1))
    )
    each = graph.parameter(f"{name}.constant", constant.flatten())
    return graph.add("BatchNormalization", name, x, ones, each, zeros, ones, epsilon=0.0)


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
    return graph.add("Flatten", f"{name}.flat", add_grid(graph, f"{name}.pool", x, size, grid))


def add_grid(graph: Graph, name: str, x: str, size: tuple[int, int], grid: tuple[int, int]) -> str:
    """Average a map of a size to a grid, adaptively as torch does; (n, C, H, W) to (n, C, *grid)."""
    if grid == (1, 1):
        return graph.add("GlobalAveragePool", name, x)
    if size == grid:
        return x
    if size[0] % grid[0] == 0 and size[1] % grid[1] == 0:
        sides = [size[0] // grid[0], size[1] // grid[1]]
        return graph.add("AveragePool", name, x, kernel_shape=sides, strides=sides)
    # Windows overlap: averages of rows, then of columns.
    rows = graph.parameter(f"{name}.rows", _averages(size[0], grid[0]).T)  # (grid, H)
    columns = graph.parameter(f"{name}.columns", _averages(size[1], grid[1]))  # (W, grid)
    return graph.add("MatMul", name, graph.add("MatMul", f"{name}_rows", rows, x), columns)


def _averages(size: int, cells: int) -> torch.Tensor:
    """(size, cells), by which a row of a map is multiplied to average it adaptively."""
    return F.adaptive_avg_pool1d(torch.eye(size), cells)


def add_linear(graph: Graph, name: str, x: str, linear: nn.Linear) -> str:
    weight = graph.parameter(f"{name}.weight", linear.weight)
    bias = graph.parameter(f"{name}.bias", linear.bias)
    return graph.add("Gemm", f"{name}.logits", x, weight, bias, transB=1)


ADDING_MODULES: dict[type[nn.Module], Callable[..., str]] = {
    nn.Conv2d: add_conv,
    nn.Linear: add_linear,
    nn.BatchNorm2d: add_norm,
}
ADDING: dict[str, Callable[..., str]] = {
    "relu": _add_relu,
    "add": _add_sum,
    "concatenate": _add_concatenation,
    "max_pool": _add_windows,
    "average_pool": _add_windows,
    "adaptive_pool": _add_average,
    "mean": _add_average,
    "flatten": _add_flattening,
    "pick": _add_picking,
    "add_to": _add_few,
    "add_constant": _add_level,
}
"""By kind of operation: every kind that a folded piece may have."""
