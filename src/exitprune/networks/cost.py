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

from exitprune.networks.early_exit import EarlyExitNetwork
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
    ran = _one_image(network)
    return [
        LayerCost(name, ran[layer].exit, ran[layer].positions, masks[name].numel(), num_kept(masks, [name]))
        for name, layer in network.named_layers().items()
    ]


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


@dataclass(frozen=True)
class _Ran:
    """A module that has parameters of its own: the exit on the way to which it ran, and how many places it yielded."""

    exit: int
    positions: int


def _one_image(network: EarlyExitNetwork) -> dict[nn.Module, _Ran]:
    """What runs for one image, read off one pass of a blank one."""
    ran: dict[nn.Module, _Ran] = {}
    exit_ = 0

    def note(module: nn.Module, args: object, output: Tensor) -> None:
        ran.setdefault(module, _Ran(exit_, output.shape[2:].numel()))

    own = [module for module in network.modules() if next(module.parameters(recurse=False), None) is not None]
    hooks = [module.register_forward_hook(note) for module in own]
    spec, was_training = network.spec, network.training
    network.eval()
    with torch.no_grad():
        maps = network.features(next(network.parameters()).new_zeros(1, spec.channels, spec.height, spec.width))
        for classify in network.classifiers:
            classify(next(maps))
            exit_ += 1
    network.train(was_training)
    for hook in hooks:
        hook.remove()
    return ran


def _params_beside_weights(network: EarlyExitNetwork) -> list[int]:
    """Biases and batch-norm parameters executed between one exit and the next, per exit."""
    prunable = {id(layer.get_parameter("weight")) for layer in network.named_layers().values()}
    counts = [0] * network.num_exits
    for module, ran in _one_image(network).items():
        counts[ran.exit] += sum(p.numel() for p in module.parameters(recurse=False) if id(p) not in prunable)
    return counts
