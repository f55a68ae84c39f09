"""A folded early-exit network, made smaller or not, as steps. Needs torch.

Block after block becomes steps (`from_piece`), with an exit behind those that have one; then what nobody takes goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from exitprune.deployment.folding import folded_base
from exitprune.deployment.sparse.from_piece import Translator, exit_of
from exitprune.deployment.sparse.machine import CannotRun
from exitprune.deployment.sparse.steps import Combine, Constant, Convolution, Exit, Network, Step, taken, target
from exitprune.networks.architectures import Blocks
from exitprune.networks.coupling import shapes_of
from exitprune.networks.early_exit import EarlyExitNetwork


def steps_of(
    network: EarlyExitNetwork,
    mean: Sequence[float],
    std: Sequence[float],
    temperatures: Sequence[float] | None = None,
) -> Network:
    """The steps of a folded network.

    Args:
        network: folded, smaller ones from `removal` included.
        mean, std: C each, of the training pixels, in units of the full range.
        temperatures: one per exit, by which its logits are divided; None: 1 everywhere.

    Raises:
        CannotRun: if it is not made of blocks, or does something that there is no kernel for.
        ValueError: if blocks are not folded.
    """
    if not isinstance(network.base, Blocks):
        raise CannotRun(f"{network.spec.own.title} is not made of blocks in a row, which sparse kernels are made for")
    for exit_, head in enumerate(network.heads.values()):
        if head.channels_last:  # guessed from the shape of the map, where it has few channels
            raise CannotRun(f"exit {exit_} takes the last dimension of its map for channels")
    spec, pieces = network.spec, folded_base(network).pieces()
    shapes, divisors = shapes_of(network, pieces), temperatures or [1.0] * network.num_exits
    steps: list[Step] = []
    value, number, made = 0, 0, 1
    for block, piece in enumerate(pieces[:-1]):
        what = f"block {block}" if block else "the stem"
        translator = Translator(piece, shapes[block], value, made, what)
        value, made = translator.all(), translator.values.made
        steps += translator.values.steps
        if block in network.heads:
            head = network.heads[block]
            steps.append(exit_of(value, head.grid, head.fc, divisors[number]))
            number += 1
    steps += Translator(pieces[-1], shapes[-1], value, made, "the classifier").classifier(divisors[-1])
    centre, spread = (np.array(values, np.float32) for values in (mean, std))
    shape = (spec.channels, spec.height, spec.width)
    return without_unused(Network(shape, centre, spread, tuple(steps)))


def without_unused(network: Network) -> Network:
    """Without steps whose map nobody takes; what is left is numbered anew."""
    wanted: set[int] = set()
    kept: list[Step] = []
    for step in reversed(network.steps):
        if isinstance(step, Exit) or target(step) in wanted:
            wanted.update(taken(step))
            kept.append(step)
    names = {0: 0}
    steps: list[Step] = []
    for step in reversed(kept):
        told = {"source": names[step.source]} if not isinstance(step, Constant) else {}
        if isinstance(step, Convolution | Combine) and step.added is not None:
            told["added"] = names[step.added]
        if not isinstance(step, Exit):
            names[step.target] = told["target"] = len(names)
        steps.append(replace(step, **told))  # type: ignore[arg-type]
    return replace(network, steps=tuple(steps))
