"""Inference that really stops: after each exit the images it is confident about leave, and only the rest goes on.

The same answers and exits as `exiting` finds in the logits of all exits, without computing what nobody needs. A batch
that shrinks may be summed up in another order, so a confidence can differ from that of the whole batch by rounding.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from exitprune.evaluation.exiting import confidence_of
from exitprune.networks.architectures import Blocks
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.operations import CannotFollow


@dataclass(frozen=True)
class Answers:
    """What each image got, in the order the images came.

    Attributes:
        label: (N,) int64, the class answered.
        confidence: (N,) float32, of the exit taken.
        exit: (N,) int64, the exit taken.
        logits: (N, K) float32, of the exit taken, divided by its temperature.
    """

    label: Tensor
    confidence: Tensor
    exit: Tensor
    logits: Tensor


@dataclass(frozen=True)
class Segment:
    """What runs between one exit and the next: blocks, then the head at their end."""

    steps: tuple[Callable[[Tensor], Tensor], ...]
    head: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) to the feature map at the exit, and its (N, K) logits."""
        for step in self.steps:
            x = step(x)
        return x, self.head(x)


def segments(network: EarlyExitNetwork) -> list[Segment]:
    """A network of blocks, folded or not, cut after each exit, the classifier last; the stem opens the first segment.

    Each can be compiled by itself; the network is put into evaluation mode.

    Raises:
        CannotFollow: if it is not made of blocks, or gates look at each image.
    """
    if network.spec.gated:
        raise CannotFollow("gates look at each image and sit across blocks: such a network is not cut into segments")
    network.eval()
    base = network.base
    if not isinstance(base, Blocks):
        raise CannotFollow("a network that is not made of blocks in a row is not cut into segments")
    cut: list[Segment] = []
    steps: list[Callable[[Tensor], Tensor]] = [base.stem]
    for index, block in enumerate(base.blocks, 1):
        steps.append(block)
        if index in network.heads:
            cut.append(Segment(tuple(steps), network.heads[index]))
            steps = []
    return [*cut, Segment(tuple(steps), base.classify)]


class _EveryoneLeft(Exception):
    """Nobody needs what is left of the network."""


class _Batch:
    """A batch on its way: who still waits, and what the others got."""

    def __init__(self, images: Tensor, threshold: float, temperatures: Sequence[float] | None, num_exits: int) -> None:
        num, device = len(images), images.device
        self.label = torch.empty(num, dtype=torch.int64, device=device)
        self.confidence = torch.empty(num, dtype=torch.float32, device=device)
        self.exit = torch.empty(num, dtype=torch.int64, device=device)
        self.logits = torch.empty(num, 0, device=device)
        self.threshold, self.temperatures, self.last = threshold, temperatures, num_exits - 1
        self.waiting = torch.arange(num, device=device)

    def leave_(self, x: Tensor, logits: Tensor, number: int) -> Tensor:
        """Let those leave whom an exit is confident about, at the last all; the map of those who stay.

        Raises:
            _EveryoneLeft: if nobody stays.
        """
        logits = logits.float() if self.temperatures is None else logits.float() / self.temperatures[number]
        sure = confidence_of(logits)
        if number == self.last:
            self._end(logits, sure)
            raise _EveryoneLeft
        leaves = sure > self.threshold
        num_staying = len(leaves) - int(leaves.sum())  # the one wait for a GPU per exit
        if num_staying == len(leaves):
            return x
        order = leaves.int().argsort(stable=True)  # who stays, then who leaves
        stays, goes = order[:num_staying], order[num_staying:]
        self._note(self.waiting[goes], logits[goes], sure[goes], number)
        self.waiting = self.waiting[stays]
        if not num_staying:
            raise _EveryoneLeft
        return _rows(x, stays)

    def _end(self, logits: Tensor, sure: Tensor) -> None:
        """All who are there leave; where nobody has left before, nothing has to be put into place."""
        if len(self.waiting) < len(self.label):
            self._note(self.waiting, logits, sure, self.last)
        else:
            self.logits, self.label, self.confidence = logits.clone(), logits.argmax(dim=-1), sure
            self.exit.fill_(self.last)

    def _note(self, left: Tensor, logits: Tensor, sure: Tensor, number: int) -> None:
        if not self.logits.numel():
            self.logits = logits.new_empty(len(self.label), logits.shape[1])
        self.logits[left] = logits
        self.label[left] = logits.argmax(dim=-1)
        self.confidence[left] = sure
        self.exit[left] = number


@torch.inference_mode()
def answer(
    network: EarlyExitNetwork | Sequence[Callable[[Tensor], tuple[Tensor, Tensor]]],
    images: Tensor,
    threshold: float,
    temperatures: Sequence[float] | None = None,
) -> Answers:
    """Answer a batch, each image at the first exit whose confidence exceeds the threshold.

    Args:
        network: what is after the last exit that any image needs does not run; or `segments` of it, compiled or not.
        images: (N, C, H, W), normalised; N may be 0.
        threshold: 1 or more sends every image to the last exit.
        temperatures: one per exit, by which its logits are divided; None: 1 everywhere.
    """
    num_exits = network.num_exits if isinstance(network, EarlyExitNetwork) else len(network)
    batch = _Batch(images, threshold, temperatures, num_exits)
    with suppress(_EveryoneLeft):
        if not len(images):
            raise _EveryoneLeft
        if isinstance(network, EarlyExitNetwork):
            if _is_training(network):
                network.eval()
            heads = enumerate(network.heads.items())
            at = {point: partial(_at_exit, head, batch, number) for number, (point, head) in heads}
            with network.gates.looking(network) if network.spec.gated else nullcontext():
                batch.leave_(images, network.base.run(images, at), num_exits - 1)
        else:
            x = images
            for number, part in enumerate(network):
                x, logits = part(x)
                x = batch.leave_(x, logits, number)
    return Answers(batch.label, batch.confidence, batch.exit, batch.logits)


def _at_exit(head: Callable[[Tensor], Tensor], batch: _Batch, number: int, x: Tensor) -> Tensor:
    return batch.leave_(x, head(x), number)


def _is_training(module: nn.Module) -> bool:
    """Whether any part is in training mode; to ask takes a sixth of the time that setting all parts does."""
    return module.training or any(part is not None and _is_training(part) for part in module._modules.values())


def _rows(x: Tensor, rows: Tensor) -> Tensor:
    """Some images of a map, in the memory format it has."""
    if x.is_contiguous() or x.dim() != 4:
        return x.index_select(0, rows)
    # Images are whole pieces of memory in channels_last too; selecting through the view is much the fastest.
    return x.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
