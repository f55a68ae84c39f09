"""Exact removal: take dead channels out of a folded network, so that dense kernels have less to do.

Taken out are: channels that nobody reads, channels without a filter, and whole residual branches. Where a branch reads or
writes only a few of the channels that others need, the branch alone does without the rest. The network computes the same,
up to rounding. Filters without weights stay where several layers add to the same channels.

A filter whose weights are all zero still yields a constant, such as relu(bias). Behind it stands a zero-padded convolution,
which sees that constant inside the map and zeros around it, so what the constant adds differs at the border: it is kept
as a map, not as a bias. Counting dead channels, without taking them out: `dead_channels`.

Letters: C channels that go together, D and C output and input channels of a layer, H and W height and width.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from exitprune.deployment.folding import Folded, fold, folded_base, folded_conv
from exitprune.deployment.needed import Needed
from exitprune.networks.architectures import Blocks
from exitprune.networks.coupling import Followed
from exitprune.networks.early_exit import EXIT, EarlyExitNetwork
from exitprune.networks.operations import ADDED, Operation, Piece

# Of the channels there are. Picking channels out of a map costs time, too: on a CPU, picking half paid for ResNet-56's
# 3 x 3 convolutions, picking three quarters did not; 1 x 1 convolutions are themselves no dearer than picking.
WORTH_PICKING = 0.5


def as_deployed(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """What dense kernels have to run: folded and without what is empty, if the network is made of blocks, or else a copy.

    Raises:
        CannotFollow: if a block does something that cannot be taken apart.
    """
    if isinstance(network.base, Blocks):
        return remove_dead_channels(fold(network))
    return deepcopy(network).eval().requires_grad_(False)


def remove_dead_channels(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """A smaller copy of a folded network that computes the same, up to rounding.

    Raises:
        ValueError: if the network is not folded, or was made smaller before.
    """
    base = folded_base(network)
    if any(operation.kind in ADDED for piece in base.pieces() for operation in piece.operations):
        raise ValueError("dead channels were taken out of this network before; start from the folded network")
    followed = Followed(network)
    needed = Needed(followed)
    pieces = [_Slicer(followed, needed, number).piece() for number in range(len(followed.pieces))]
    network = deepcopy(network, {id(base): base})
    for number, (block, head) in enumerate(network.heads.items()):
        seen = (block, followed.pieces[block].output, head.grid[0] * head.grid[1])
        _slice_linear_(head.fc, needed.filters(f"{EXIT}{number}"), needed.stays(*seen), needed.constants(*seen))
    network.base = Folded(pieces, base.names)
    return network.eval().requires_grad_(False)


@dataclass(frozen=True)
class _Branch:
    """A convolution whose value is added to another one, and to nothing else."""

    addition: str
    other: str


class _Slicer:
    """Makes a piece anew without the channels that go."""

    def __init__(self, followed: Followed, needed: Needed, number: int) -> None:
        self.followed, self.needed, self.number = followed, needed, number
        self.old = followed.pieces[number]
        self.operations: list[Operation] = []
        self.parts: dict[str, nn.Module | Tensor] = {}
        self.now: dict[str, str] = {}  # what a value is called now, where that changed
        self.gone: set[str] = set()
        self.owed: dict[str, Tensor] = {}  # constants, by the addition that they come after
        self.few: dict[str, tuple[str, Tensor]] = {}  # branches that write few channels, by addition

    def piece(self) -> Piece:
        for operation in self.old.operations:
            part = self.old.parts.get(operation.layer)
            if operation.kind == "add":
                self._add(operation)
            elif isinstance(part, nn.Conv2d) and part.groups == 1:
                self._convolution(operation, part)
            elif all(name in self.gone for name in operation.inputs):
                self.gone.add(operation.name)
            else:
                self._keep(operation, self._sliced(operation, part))
        return Piece(
            tuple(self.operations), self.now.get(self.old.output, self.old.output), self.parts
        ).without_unused()

    def _keep(self, operation: Operation, part: nn.Module | Tensor | None = None) -> None:
        if part is not None:
            self.parts[operation.layer] = part
        inputs = tuple(self.now.get(name, name) for name in operation.inputs)
        self.operations.append(replace(operation, inputs=inputs))

    def _then(self, value: str, kind: str, part: Tensor) -> None:
        """What is done to a value before anybody takes it."""
        name = f"{value}_{kind}"
        self._keep(Operation(name, kind, (value,), name), part)
        self.now[value] = name

    def _sliced(self, operation: Operation, part: nn.Module | Tensor | None) -> nn.Module | Tensor | None:
        """The module of an operation other than a plain convolution, for the channels that are left."""
        if part is None:
            return None
        stays = self.needed.stays(self.number, operation.inputs[0])
        made = deepcopy(part)  # the old one is still asked for its constants
        if isinstance(made, nn.Linear):
            layer = self.followed.names[self.number, operation.layer]
            constants = self.needed.constants(self.number, operation.inputs[0])
            _slice_linear_(made, self.needed.filters(layer), stays, constants)
            return made
        if isinstance(made, nn.BatchNorm2d):
            _slice_norm_(made, stays)
            return made
        if isinstance(part, nn.Conv2d) and part.groups == len(stays):
            return folded_conv(part, part.weight[stays], cast(Tensor, part.bias)[stays])
        return made

    def _branch(self, operation: Operation) -> _Branch | None:
        users = self.old.users(operation.name)
        if len(users) != 1 or users[0].kind != "add" or operation.name == self.old.output:
            return None
        first, second = users[0].inputs
        return _Branch(users[0].name, second if first == operation.name else first)

    def _convolution(self, operation: Operation, conv: nn.Conv2d) -> None:
        source = operation.inputs[0]
        filters = self.needed.filters(self.followed.names[self.number, operation.layer])
        comes = self.needed.stays(self.number, source)
        if not filters.any():
            self.gone.add(operation.name)
            return
        weight, bias = conv.weight[filters], cast(Tensor, conv.bias)[filters]
        branch = self._branch(operation)
        constant = self._what_constants_add(operation, conv, weight)
        weight = weight[:, comes]
        if branch is not None and constant is not None:
            self._owe(branch.addition, constant)
        if branch is not None and not comes.any():
            self._owe(branch.addition, bias.reshape(1, -1, 1, 1))
            self.gone.add(operation.name)
            return
        large = tuple(conv.kernel_size) != (1, 1)
        writes = (weight != 0).flatten(1).any(1)
        if branch is not None and large and branch.addition not in self.few and _few(writes):
            self._owe(branch.addition, torch.where(writes, 0, bias).reshape(1, -1, 1, 1))
            self.few[branch.addition] = (operation.name, writes.nonzero().flatten())
            weight, bias = weight[writes], bias[writes]
        reads = (weight != 0).any(dim=(0, 2, 3))
        if large and _few(reads):
            picked = f"{operation.name}_pick"
            self._keep(Operation(picked, "pick", (source,), picked), reads.nonzero().flatten())
            operation = replace(operation, inputs=(picked,))
            weight = weight[:, reads]
        self._keep(operation, folded_conv(conv, weight, bias))
        if branch is None and constant is not None:
            self._then(operation.name, "add_constant", constant)

    def _what_constants_add(self, operation: Operation, conv: nn.Conv2d, weight: Tensor) -> Tensor | None:
        """(1, D, H, W), what constant channels add to a convolution's value; None: nothing.

        They are one number inside the map and zero around it.
        """
        constant, numbers = self.needed.constants(self.number, operation.inputs[0])
        numbers = numbers[constant]
        if not numbers.any():
            return None
        size = self.followed.shapes[self.number][operation.inputs[0]][2:]
        maps = numbers.reshape(1, -1, 1, 1).expand(1, -1, *size)
        added = F.conv2d(maps, weight[:, constant], None, conv.stride, cast(Any, conv.padding), conv.dilation)
        return added if added.any() else None

    def _owe(self, addition: str, constant: Tensor) -> None:
        self.owed[addition] = self.owed[addition] + constant if addition in self.owed else constant

    def _add(self, operation: Operation) -> None:
        there = [name for name in operation.inputs if name not in self.gone]
        if not there:
            self.gone.add(operation.name)
            return
        value = operation.name
        if len(there) == 1:
            value = self.now.get(there[0], there[0])
            self.now[operation.name] = value
        elif operation.name in self.few:
            branch, channels = self.few[operation.name]
            (total,) = (name for name in operation.inputs if name != branch)
            self._keep(Operation(operation.name, "add_to", (total, branch), f"{operation.name}_channels"), channels)
        else:
            self._keep(operation)
        constant = self.owed.get(operation.name)
        if constant is not None and constant.any():
            name = f"{operation.name}_constant"
            self.operations.append(Operation(name, "add_constant", (value,), name))
            self.parts[name] = constant
            self.now[operation.name] = name


def _few(channels: Tensor) -> bool:
    """Whether picking these channels out of all is worth it."""
    return 0 < int(channels.sum()) <= WORTH_PICKING * len(channels)


def _slice_linear_(linear: nn.Linear, filters: Tensor, comes: Tensor, constants: tuple[Tensor, Tensor]) -> None:
    """Keep some of the outputs and inputs; what inputs add that are constant goes into the bias.

    Args:
        linear: changed in place.
        filters: (D,) bool.
        comes: (C,) bool.
        constants: (C,) bool, inputs that are constant, and (C,) the number that each is.
    """
    weight, bias = linear.weight[filters], linear.bias[filters]
    which, numbers = constants
    if numbers[which].any():
        bias = bias + weight[:, which] @ numbers[which]
    linear.weight = nn.Parameter(weight[:, comes].contiguous(), requires_grad=False)
    linear.bias = nn.Parameter(bias, requires_grad=False)
    linear.out_features, linear.in_features = linear.weight.shape


def _slice_norm_(norm: nn.BatchNorm2d, comes: Tensor) -> None:
    for name in ("weight", "bias"):
        setattr(norm, name, nn.Parameter(norm.get_parameter(name)[comes], requires_grad=False))
    for name in ("running_mean", "running_var"):
        setattr(norm, name, norm.get_buffer(name)[comes])
    norm.num_features = int(comes.sum())
