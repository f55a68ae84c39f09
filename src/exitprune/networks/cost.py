"""What an exit costs: multiply-accumulates (macs; 1 MAC = 2 FLOPs) and parameters, dense and with zeros left out.

MACs of a layer = weights x output positions for a convolution, weights x vectors for a linear layer; a zero weight costs
nothing. Products without a prunable weight, as in an attention, cost what they cost.
Biases, batch norm, additions and pooling are not counted, as is usual. The cost of an exit is everything executed up to
it, the heads passed on the way included. Counters in libraries do not see zeros; with full masks ours is half of
torch.utils.flop_counter's FLOPs exactly (a test).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.exit_head import ExitHead
from exitprune.networks.masks import num_kept, weights
from exitprune.networks.uses import evaluating, seeing


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
    return _layers(_one_image(network), weights(network), masks)


def exit_costs(network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> list[ExitCost]:
    """The cost of each exit, in order; never falling from one exit to the next.

    Parameters are all that is trained (weights, biases, batch-norm scales and shifts) of the layers executed; only
    prunable weights can be zero.
    """
    return costs(network, masks)[1]


def costs(network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> tuple[list[LayerCost], list[ExitCost]]:
    """What `layer_costs` and `exit_costs` give, in one pass."""
    ran, prunable = _one_image(network), weights(network)
    layers = _layers(ran, prunable, masks)
    ids = {id(weight) for weight in prunable.values()}
    beside = [0] * network.num_exits
    for name, parameter in network.named_parameters():
        if id(parameter) not in ids:
            beside[ran.exit_of(name)] += parameter.numel()
    exits = []
    for exit_ in range(network.num_exits):
        passed = [layer for layer in layers if layer.exit <= exit_]
        params, macs = sum(beside[: exit_ + 1]), sum(ran.macs_beside[: exit_ + 1])
        exits.append(
            ExitCost(
                exit=exit_,
                macs_dense=macs + sum(layer.macs_dense for layer in passed),
                macs=macs + sum(layer.macs for layer in passed),
                params_dense=params + sum(layer.weights for layer in passed),
                params=params + sum(layer.kept for layer in passed),
            )
        )
    return layers, exits


def _layers(ran: _Ran, prunable: Mapping[str, Tensor], masks: Mapping[str, Tensor]) -> list[LayerCost]:
    last, found = len(ran.macs_beside) - 1, []
    for name, weight in prunable.items():
        exit_, macs = ran.by_weight.get(name, (last, 0))
        positions = macs // weight.numel()
        found.append(LayerCost(name, exit_, positions, masks[name].numel(), num_kept(masks, [name])))
    return found


@dataclass(frozen=True)
class _Ran:
    """What ran for one image, and on the way to which exit.

    Attributes:
        by_weight: the first exit that needs a layer, and its MACs, by the layer's name.
        macs_beside: MACs up to each exit of products that no prunable weight is part of, as in an attention.
        modules: the exit on the way to which a module began to run, by its name.
    """

    by_weight: dict[str, tuple[int, int]]
    macs_beside: list[int]
    modules: dict[str, int]

    def exit_of(self, parameter: str) -> int:
        """The exit on the way to which a parameter is first needed: with the innermost module around it that ran."""
        around = parameter
        while around:
            around = around.rpartition(".")[0]
            if around in self.modules:
                return self.modules[around]
        return 0


def _one_image(network: EarlyExitNetwork) -> _Ran:
    """Read off one pass of a blank image."""
    ran, exit_ = _Ran({}, [0] * network.num_exits, {}), 0

    def note(weight: str | None, macs: int) -> None:
        if weight is None:
            ran.macs_beside[exit_] += macs
        else:
            first, before = ran.by_weight.get(weight, (exit_, 0))
            ran.by_weight[weight] = first, before + macs

    def leave(map_: Tensor, head: ExitHead) -> Tensor:
        nonlocal exit_
        head(map_)
        exit_ += 1
        return map_

    def begin(name: str, *_: object) -> None:
        ran.modules.setdefault(name, exit_)

    hooks = [module.register_forward_pre_hook(partial(begin, name)) for name, module in network.named_modules()]
    spec = network.spec
    image = next(network.parameters()).new_zeros(1, spec.channels, spec.height, spec.width)
    try:
        with evaluating(network), seeing(weights(network), note):
            network.base.run(image, {point: partial(leave, head=head) for point, head in network.heads.items()})
    finally:
        for hook in hooks:
            hook.remove()
    gated = network.gates.layers if spec.gated else ()
    return replace(
        ran, modules=ran.modules | {f"gates.gates.{n}": ran.by_weight[name][0] for n, name in enumerate(gated)}
    )
