"""Maps of no image in a traced graph, as there are at the exits after the one at which the last images leave."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from exitprune.deployment.extras import onnxruntime_session


def allow_empty(onnx: Any, model: Any, pixels: npt.NDArray[np.uint8]) -> None:
    """Let them be reshaped.

    A 0 among the sizes asked for is a size then, and not one to be copied. A size that is left to be found, -1, could be
    anything: where it is the same for batches of any size, it is written down.
    """
    graph = model.graph
    sizes = _Sizes(onnx, graph)
    found = [node for node in graph.node if node.op_type == "Reshape" and -1 in sizes.of(node.input[1])]
    for node, shapes in zip(found, _shapes_of(onnx, model, [node.output[0] for node in found], pixels), strict=True):
        wanted = sizes.of(node.input[1])
        place = wanted.index(-1)
        is_last = place == len(wanted) - 1  # a part that is not constant may hold several sizes
        if is_last or all(len(shape) == len(wanted) for shape in shapes):
            there = {shape[-1 if is_last else place] for shape in shapes}
            if len(there) == 1:
                node.input[1] = sizes.with_size(node, place, there.pop())
    for node in graph.node:
        if node.op_type == "Reshape" and not {-1, 0} & set(sizes.of(node.input[1])):
            kept = [attribute for attribute in node.attribute if attribute.name != "allowzero"]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute("allowzero", 1)])


class _Sizes:
    """Vectors of sizes in a graph."""

    def __init__(self, onnx: Any, graph: Any) -> None:
        self.onnx, self.graph = onnx, graph
        self.constants = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
        self.makers = {output: node for node in graph.node for output in node.output}

    def of(self, name: str) -> list[int | None]:
        """The sizes in a vector; None: not constant."""
        maker = self.makers.get(name)
        if name in self.constants:
            return list(self.constants[name].reshape(-1).tolist())
        if maker is not None and maker.op_type == "Constant":
            return list(self.onnx.numpy_helper.to_array(maker.attribute[0].t).reshape(-1).tolist())
        if maker is not None and maker.op_type == "Concat":
            return [size for part in maker.input for size in self.of(part)]
        if maker is not None and maker.op_type in ("Unsqueeze", "Identity", "Cast"):
            return self.of(maker.input[0])
        return [None]

    def with_size(self, node: Any, place: int, size: int) -> str:
        """The name of a new vector like that of a node, with one of its sizes written down."""
        name, maker = node.input[1], self.makers.get(node.input[1])
        made = f"{node.name}.sizes"
        if maker is None or maker.op_type != "Concat":
            return self._constant(made, [size if at == place else old for at, old in enumerate(self.of(name))])
        parts, at = [], 0
        for part in maker.input:
            there = self.of(part)
            if at <= place < at + len(there):
                part = self._constant(f"{made}.{at}", [size if at + n == place else old for n, old in enumerate(there)])
            parts.append(part)
            at += len(there)
        concat = self.onnx.helper.make_node("Concat", parts, [made], name=made, axis=0)
        self.graph.node.insert(list(self.graph.node).index(node), concat)
        self.makers[made] = concat
        return made

    def _constant(self, name: str, sizes: Sequence[int | None]) -> str:
        array = np.array(sizes, dtype=np.int64)
        self.graph.initializer.append(self.onnx.numpy_helper.from_array(array, name))
        self.constants[name] = array
        return name


def _shapes_of(
    onnx: Any, model: Any, names: Sequence[str], pixels: npt.NDArray[np.uint8]
) -> list[tuple[tuple[int, ...], ...]]:
    """The shapes of values, of batches of two sizes from which nobody leaves."""
    if not names:
        return []
    telling = copy.deepcopy(model)
    telling.graph.output.extend(map(onnx.helper.make_empty_tensor_value_info, names))
    session = onnxruntime_session(telling.SerializeToString(), 1)
    feeds = [{"pixels": pixels[:num], "threshold": np.array(1.0, dtype=np.float32)} for num in (2, 3)]
    return list(zip(*([value.shape for value in session.run(list(names), feed)] for feed in feeds), strict=True))
