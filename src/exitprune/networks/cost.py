"""What an exit costs: multiply-accumulates (macs; 1 MAC = 2 FLOPs) and parameters, dense and with zeros left out.

MACs of a layer = weights x output positions for a convolution, weights for a linear layer; a zero weight costs nothing.
Biases, batch norm, additions and pooling are not counted, as is usual. The cost of an exit is everything executed up to
it, the heads passed on the way included. Counters in libraries do not see zeros; with full masks ours is half of
torch.utils.flop_counter's FLOPs exactly (a test).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from exitprune.networks.early_exit import EarlyExitNetwork, group_of
from exitprune.networks.masks import num_kept


@dataclass(frozen=True)
class LayerCost:
    """One prunable layer: how often each weight is used, and how many weights there are and are kept."""

    name: str
    exit: int
    """The first exit that needs this layer, counted from 0."""
    positions: int
    weights: int
    kept: int

    @property
    def macs_dense(self) -> int:
        """With every weight."""
        return self.positions * self.weights

    @property
    def macs(self) -> int:
        """With the weights kept."""
        return self.positions * self.kept


@dataclass(frozen=True)
class ExitCost:
    """Cost per image of leaving at an exit, from the first layer on."""

    exit: int
    macs_dense: int
    macs: int
    params_dense: int
    params: int


def layer_costs(network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> list[LayerCost]:
    """Every prunable layer in order of execution."""
    positions = _output_positions(network)
    costs, exit_ = [], 0
    for name in network.named_layers():
        costs.append(LayerCost(name, exit_, positions[name], masks[name].numel(), num_kept(masks, [name])))
        exit_ += group_of(name) == "exits"
    return costs


def exit_costs(network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> list[ExitCost]:
    """The cost of each exit, in order; never falling from one exit to the next.

    Parameters are all that is trained (weights, biases, batch-norm scales and shifts) of the layers executed; only
    prunable weights can be zero.
    """
    layers = layer_costs(network, masks)
    extra = _params_beside_weights(network)
    exits = []
    for exit_ in range(network.num_exits):
        passed = [layer for layer in layers if layer.exit <= exit_]
        beside = sum(extra[: exit_ + 1])
        exits.append(
            ExitCost(
                exit=exit_,
                macs_dense=sum(layer.macs_dense for layer in passed),
                macs=sum(layer.macs for layer in passed),
                params_dense=beside + sum(layer.weights for layer in passed),
                params=beside + sum(layer.kept for layer in passed),
            )
        )
    return exits


def _output_positions(network: EarlyExitNetwork) -> dict[str, int]:
    """Places at which a layer's weights are used for one image, read off one pass of a blank image."""
    positions: dict[str, int] = {}
    hooks = []
    for name, layer in network.named_layers().items():

        def note(module: nn.Module, args: object, output: Tensor, name: str = name) -> None:
            positions[name] = output.shape[2:].numel()

        hooks.append(layer.register_forward_hook(note))
    spec, was_training = network.spec, network.training
    network.eval()
    with torch.no_grad():
        network(next(network.parameters()).new_zeros(1, spec.channels, spec.height, spec.width))
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return positions


def _params_beside_weights(network: EarlyExitNetwork) -> list[int]:
    """Biases and batch-norm parameters executed between one exit and the next, per exit."""

    def count(module: nn.Module) -> int:
        prunable = {id(layer.get_parameter("weight")) for layer in network.named_layers().values()}
        return sum(p.numel() for p in module.parameters() if id(p) not in prunable)

    counts, running = [], count(network.base.bn)
    heads = network.heads
    for index, block in enumerate(network.blocks, 1):
        running += count(block)
        if index in heads:
            counts.append(running + count(heads[index]))
            running = 0
    return [*counts, running + count(network.base.fc)]
