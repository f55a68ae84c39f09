"""A network's pieces (stem, blocks, classifier) as lists of operations, read off its own code by torch.fx.

What takes a network apart (which channels go together, folding, removal, export) works on these lists and knows no
architecture. A piece that does something else is refused in one sentence, where such work is asked for.

Letters: N images, C channels, H and W height and width of a map.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from exitprune.errors import BadInput

INPUT = "x"
"""The name of the map that a piece takes."""
WITH_MODULE = {nn.Conv2d: "convolution", nn.Linear: "linear", nn.BatchNorm2d: "batch_norm"}
"""Operations that have parameters."""
SAME = (nn.Identity, nn.Dropout, nn.Dropout2d)
"""Modules that change nothing in evaluation mode."""
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "relu": F.relu,
    "add": operator.add,
    "concatenate": torch.cat,
    "max_pool": F.max_pool2d,
    "average_pool": F.avg_pool2d,
    "adaptive_pool": F.adaptive_avg_pool2d,
    "mean": torch.mean,
    "flatten": torch.flatten,
}
"""What computes each operation that has none."""


def pick(x: Tensor, channels: Tensor) -> Tensor:
    """Some of the channels of a map."""
    return x.index_select(1, channels)


def add_to(total: Tensor, branch: Tensor, channels: Tensor) -> Tensor:
    """A map of few channels added to some of the channels of another."""
    return total.index_add(1, channels, branch)


ADDED: dict[str, Callable[..., Any]] = {"pick": pick, "add_to": add_to, "add_constant": operator.add}
"""What `deployment.removal` puts in. Beside maps each takes a tensor: numbers of channels, or what is added, (1, C, 1, 1) or
(1, C, H, W)."""
COMPUTED = {**FUNCTIONS, **ADDED}
CALLED: dict[Any, str] = {
    **{function: kind for kind, function in FUNCTIONS.items()},
    **dict.fromkeys((torch.relu, "relu", "relu_"), "relu"),
    **dict.fromkeys((operator.iadd, torch.add, "add", "add_"), "add"),
    **dict.fromkeys((torch.concat, torch.concatenate), "concatenate"),
    **{"mean": "mean", "flatten": "flatten"},
}
"""Functions, and methods of tensors by name, as they are found in a network's code."""
ARGUMENTS = {
    "max_pool": ("kernel_size", "stride", "padding", "dilation", "ceil_mode"),
    "average_pool": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
    "adaptive_pool": ("output_size",),
    "mean": ("dim", "keepdim"),
    "flatten": ("start_dim", "end_dim"),
    "concatenate": ("dim",),
}
MODULES: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.MaxPool2d: "max_pool",
    nn.AvgPool2d: "average_pool",
    nn.AdaptiveAvgPool2d: "adaptive_pool",
    nn.Flatten: "flatten",
}


class CannotFollow(BadInput):
    """A network does something that nobody here can take apart."""


@dataclass(frozen=True)
class Operation:
    """One step of a piece.

    Attributes:
        name: of the value it gives.
        kind: a value of WITH_MODULE, or a key of FUNCTIONS or ADDED.
        inputs: names of the values it takes; INPUT is the piece's own.
        layer: dotted name of its module, or of its tensor, inside the piece.
        settings: keyword arguments of its function.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    layer: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    def computed(self, maps: Sequence[Tensor], part: nn.Module | Tensor | None) -> Tensor:
        """Its value, from the values that it takes and its module or tensor."""
        if isinstance(part, nn.Module):
            value: Tensor = part(*maps)
            return value
        arguments: Sequence[Any] = maps if part is None else (*maps, part)
        computing: Callable[..., Tensor] = COMPUTED[self.kind]
        return computing(*([maps] if self.kind == "concatenate" else arguments), **self.settings)


@dataclass(frozen=True)
class Piece:
    """Operations in order of execution, the value that comes out, and the modules and tensors they use by name."""

    operations: tuple[Operation, ...]
    output: str
    parts: Mapping[str, nn.Module | Tensor]

    def users(self, name: str) -> list[Operation]:
        """The operations that take a value."""
        return [operation for operation in self.operations if name in operation.inputs]

    def values(self, x: Tensor) -> dict[str, Tensor]:
        """Every value by name, of a map that the piece takes."""
        found = {INPUT: x}
        for operation in self.operations:
            maps = [found[name] for name in operation.inputs]
            found[operation.name] = operation.computed(maps, self.parts.get(operation.layer))
        return found

    def __call__(self, x: Tensor) -> Tensor:
        """The value that comes out."""
        return self.values(x)[self.output]

    def without_unused(self) -> Piece:
        """Without operations whose value nobody takes."""
        wanted, kept = {self.output}, []
        for operation in reversed(self.operations):
            if operation.name in wanted:
                wanted.update(operation.inputs)
                kept.append(operation)
        layers = {operation.layer for operation in kept}
        parts = {name: part for name, part in self.parts.items() if name in layers}
        return Piece(tuple(reversed(kept)), self.output, parts)


def trace(module: nn.Module, what: str, method: str = "forward") -> Piece:
    """The operations of a method of a module that takes one map.

    Args:
        module: its code is run once with a stand-in for the map.
        what: what to call it in a refusal.
        method: the method to follow.

    Raises:
        CannotFollow: if it does something that is not in the lists above.
    """
    if method == "forward" and type(module) in (*WITH_MODULE, *MODULES):  # one of torch's own: not to be looked into
        module = nn.Sequential(module)
    nothing: Any = ()  # functions of `math` are refused either way, and watching them takes longest
    tracer = fx.Tracer(autowrap_modules=nothing)
    tracer.traced_func_name = method
    try:
        graph = tracer.trace(module)
    except (fx.proxy.TraceError, TypeError, RuntimeError, ValueError) as error:
        raise CannotFollow(f"{what} cannot be followed step by step: {error}") from None
    names: dict[str, str] = {}
    operations: list[Operation] = []
    output = ""
    for node in graph.nodes:
        if node.op == "placeholder" and not names:
            names[node.name] = INPUT
        elif node.op == "output" and isinstance(node.args[0], fx.Node):
            output = names[node.args[0].name]
        else:
            read = _operation(module, node, names, what)
            names[node.name] = read if isinstance(read, str) else read.name
            if not isinstance(read, str):
                operations.append(read)
    layers = {operation.layer for operation in operations if operation.layer}
    return Piece(tuple(operations), output, {layer: module.get_submodule(layer) for layer in layers})


def _operation(module: nn.Module, node: fx.Node, names: Mapping[str, str], what: str) -> Operation | str:
    """What a node does, or the name of the value that it hands on unchanged."""
    part = module.get_submodule(str(node.target)) if node.op == "call_module" else None
    takes, given = node.args[:1], dict(zip(("dim",), node.args[1:], strict=False))
    kind = CALLED.get(node.target) if node.op in ("call_function", "call_method") else None
    if isinstance(part, SAME):
        return names[str(takes[0])]
    if part is not None and type(part) in WITH_MODULE:
        kind = WITH_MODULE[type(part)]
        return _checked(Operation(node.name, kind, (names[str(takes[0])],), str(node.target)), part, what)
    if part is not None and type(part) in MODULES:
        kind = MODULES[type(part)]
        given = {name: getattr(part, name) for name in ARGUMENTS.get(kind, ())}
    elif kind == "concatenate":
        takes = tuple(node.args[0])  # type: ignore[arg-type]  # fx knows a list of nodes as any argument
    elif kind == "add":
        takes, given = node.args[:2], {}
    elif kind is not None:
        given = dict(zip(ARGUMENTS.get(kind, ()), node.args[1:], strict=False))
    nodes = [taken for taken in takes if isinstance(taken, fx.Node)]
    if kind is None or len(nodes) != len(takes):
        found = type(part) if part is not None else node.target
        raise _refusal(what, getattr(found, "__name__", str(found)))
    given |= {name: value for name, value in node.kwargs.items() if name in ARGUMENTS.get(kind, ())}
    operation = Operation(node.name, kind, tuple(names[taken.name] for taken in nodes), settings=given)
    return _plain(operation, what)


def _plain(operation: Operation, what: str) -> Operation:
    """The settings in one form, whichever way the code gave them."""
    given = dict(operation.settings)
    if operation.kind in ("max_pool", "average_pool"):
        if given.pop("dilation", 1) != 1 or given.pop("divisor_override", None) is not None:
            raise _refusal(what, "pooling with dilation or a divisor of its own")
        given["stride"] = given.get("stride") or given["kernel_size"]
        given = {"padding": 0, "ceil_mode": False, **given}
        given |= {name: _two(given[name]) for name in ("kernel_size", "stride", "padding")}
    elif operation.kind == "adaptive_pool":
        given = {"output_size": _two(given["output_size"])}
    elif operation.kind == "mean":
        dims = given.get("dim")
        if not isinstance(dims, Sequence) or sorted(dim % 4 for dim in dims) != [2, 3]:
            raise _refusal(what, f"a mean over {dims}")
        if given.get("keepdim"):
            return replace(operation, kind="adaptive_pool", settings={"output_size": (1, 1)})
        given = {"dim": (2, 3)}
    elif operation.kind == "flatten":
        if (given.get("start_dim", 0), given.get("end_dim", -1)) != (1, -1):
            raise _refusal(what, "a flattening that does not keep images apart")
        given = {"start_dim": 1}
    elif operation.kind == "concatenate":
        if given.get("dim") not in (1, -3):
            raise _refusal(what, f"a concatenation along {given.get('dim')}")
        given = {"dim": 1}
    return replace(operation, settings=given)


def _two(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _checked(operation: Operation, part: nn.Module | None, what: str) -> Operation:
    if isinstance(part, nn.Conv2d) and (part.padding_mode != "zeros" or isinstance(part.padding, str)):
        raise _refusal(what, f"a convolution whose padding is {part.padding_mode} {part.padding}")
    if isinstance(part, nn.BatchNorm2d) and not (part.affine and part.track_running_stats):
        raise _refusal(what, "a batch norm without scales or running statistics")
    return operation


def _refusal(what: str, found: str) -> CannotFollow:
    known = ", ".join([*WITH_MODULE.values(), *FUNCTIONS])
    return CannotFollow(f"{what} has {found}, which cannot be taken apart; what can: {known.replace('_', ' ')}")
