"""The operations of a module, read off its own code by torch.fx. One that nobody here can take apart is refused in a sentence."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import fx, nn

from exitprune.networks.operations import FUNCTIONS, INPUT, WITH_MODULE, CannotFollow, Operation, Piece

SAME = (nn.Identity, nn.Dropout, nn.Dropout2d)
"""Modules that change nothing in evaluation mode."""
CALLED: dict[Any, str] = {
    **{function: kind for kind, function in FUNCTIONS.items()},
    **dict.fromkeys((torch.relu, "relu", "relu_"), "relu"),
    **dict.fromkeys((operator.iadd, torch.add, "add", "add_"), "add"),
    **dict.fromkeys((torch.concat, torch.concatenate), "concatenate"),
    **{"mean": "mean", "flatten": "flatten"},
}
"""Functions, and methods of tensors by name, as they are found in a network's code."""
IN_PLACE = (operator.iadd, "add_", "relu_")
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
    if kind == "add" and node.kwargs.get("alpha", 1) != 1:
        raise _refusal(what, f"a sum with alpha={node.kwargs['alpha']}")
    in_place = node.target in IN_PLACE or node.kwargs.get("inplace", getattr(part, "inplace", False))
    if in_place and any(user.name != node.name and user > node for user in nodes[0].users):
        raise _refusal(what, f"{kind} in place, of a value that is used again after it")
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
