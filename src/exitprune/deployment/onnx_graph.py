"""An ONNX graph while it is built: nodes, constants and the shapes that cannot be inferred."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from exitprune.deployment.extras import extra


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
