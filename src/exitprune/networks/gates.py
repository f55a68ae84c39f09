"""Gates: factors that maps inside blocks are multiplied by, put in for a while and taken out exactly.

A gate sits behind the batch norm of the layer that makes a map, or behind the layer where there is none; a factor that is not
negative does the same there as behind the ReLU. The network itself has no part in it: what is put in are hooks, and without them
it is the one it was, its state's names and values included.

Letters: N images, U units of a layer (its filters, or 1 for a whole branch), C channels, H and W height and width of a map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from exitprune.networks.branches import branches
from exitprune.networks.coupling import coupled, free_filters, layer_names
from exitprune.networks.early_exit import EarlyExitNetwork


@dataclass(frozen=True)
class Place:
    """Where a gate sits.

    Attributes:
        sees: the layer whose input, (N, C, H, W), the gate may look at.
        channels: of that input.
        multiplies: the module whose output the gate multiplies.
        size: how many factors there are: U.
        rectified: whether a ReLU is all that takes what is multiplied.
    """

    sees: nn.Module
    channels: int
    multiplies: nn.Module
    size: int
    rectified: bool = True


Gate = Callable[[str, Tensor], Tensor]
"""From the name of a place and the input that it sees to its factors, (U,), or (N, U) where they differ from image to image."""


def behind(network: EarlyExitNetwork) -> dict[str, nn.Module]:
    """By prunable layer of the base network, the batch norm that takes what it makes; the layer itself if there is none."""
    found: dict[str, nn.Module] = {}
    pieces = network.base.pieces()
    for (number, inside), name in layer_names(network, pieces).items():
        piece = pieces[number]
        made = next(operation for operation in piece.operations if operation.layer == inside)
        norms = [user.layer for user in piece.users(made.name) if user.kind == "batch_norm"]
        part = piece.parts[norms[0] if norms else inside]
        assert isinstance(part, nn.Module)
        found[name] = part
    return found


def of_convolutions(network: EarlyExitNetwork) -> dict[str, Place]:
    """A gate for every filter of every branch that something else is added to, by layer."""
    layers, after, pieces = network.named_layers(), behind(network), network.base.pieces()
    rectified = {
        piece.parts[operation.layer]: [user.kind for user in piece.users(operation.name)] == ["relu"]
        for piece in pieces
        for operation in piece.operations
        if operation.layer
    }
    shapes = {name: layers[name].get_parameter("weight").shape for row in branches(network.spec) for name in row}
    return {
        name: Place(layers[name], shape[1], after[name], shape[0], rectified[after[name]])
        for name, shape in shapes.items()
    }


def of_filters(network: EarlyExitNetwork) -> dict[str, Place]:
    """A gate for every filter that may go by itself, by layer."""
    layers, after = network.named_layers(), behind(network)
    return {
        name: Place(layers[name], layers[name].get_parameter("weight").shape[1], after[name], channels.size)
        for name, channels in free_filters(network.spec).items()
    }


def of_branches(network: EarlyExitNetwork) -> dict[str, Place]:
    """A gate for every branch that is added to a map of its own input's shape, by the branch's first layer."""
    layers, after = network.named_layers(), behind(network)
    return {
        row[0]: Place(layers[row[0]], layers[row[0]].get_parameter("weight").shape[1], after[row[-1]], 1)
        for row in straight_branches(network)
    }


def straight_branches(network: EarlyExitNetwork) -> list[tuple[str, ...]]:
    """Layers in a row whose result is added to what the first of them takes: without them, the map is handed on as it is."""
    ends = [{(place.layer, place.role) for place in channels.places} for channels in coupled(network.spec)]
    return [
        row for row in branches(network.spec) if any({(row[0], "reads"), (row[-1], "makes")} <= one for one in ends)
    ]


@contextmanager
def gated(
    places: Mapping[str, Place], gate: Gate, see: Callable[[str, Tensor], None] = lambda name, output: None
) -> Iterator[None]:
    """While it holds, maps are multiplied by what a gate says of each place's input.

    Args:
        places: by name.
        gate: is asked in the order of execution, and may keep what it said.
        see: is shown each map before it is multiplied.
    """
    said: dict[str, Tensor] = {}

    def look(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> None:
            with torch.autocast(args[0].device.type, enabled=False):  # what decides is not rounded
                said[name] = gate(name, args[0])

        return hook

    def multiply(name: str) -> Callable[..., Tensor]:
        def hook(module: nn.Module, args: object, output: Tensor) -> Tensor:
            factors = said.pop(name)
            see(name, output)
            return output * factors.reshape(*factors.shape, 1, 1).to(output.dtype)

        return hook

    with ExitStack() as stack:
        for name, place in places.items():
            stack.callback(place.sees.register_forward_pre_hook(look(name)).remove)
            stack.callback(place.multiplies.register_forward_hook(multiply(name)).remove)
        yield
