"""Inference that really stops: after each exit the images it is confident about leave, and only the rest goes on.

The same answers and exits as `exiting` finds in the logits of all exits, without computing what nobody needs. A batch
that shrinks may be summed up in another order, so a confidence can differ from that of the whole batch by rounding.

Letters: N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from exitprune.evaluation.exiting import confidence_of
from exitprune.networks.early_exit import EarlyExitNetwork


@dataclass(frozen=True)
class Answers:
    """What each image got, in the order the images came.

    Attributes:
        label: (N,) int64, the class answered.
        confidence: (N,) float32, of the exit taken.
        exit: (N,) int64, the exit taken.
    """

    label: Tensor
    confidence: Tensor
    exit: Tensor


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
    """A network, folded or not, cut after each exit, the classifier last; the stem opens the first segment.

    Each can be compiled by itself; the network is put into evaluation mode.
    """
    network.eval()
    cut: list[Segment] = []
    steps: list[Callable[[Tensor], Tensor]] = [network.base.stem]
    for index, block in enumerate(network.base.blocks, 1):
        steps.append(block)
        if index in network.heads:
            cut.append(Segment(tuple(steps), network.heads[index]))
            steps = []
    return [*cut, Segment(tuple(steps), network.base.classify)]


@torch.inference_mode()
def answer(
    parts: Sequence[Callable[[Tensor], tuple[Tensor, Tensor]]],
    images: Tensor,
    threshold: float,
    temperatures: Sequence[float] | None = None,
) -> Answers:
    """Answer a batch, each image at the first exit whose confidence exceeds the threshold.

    Args:
        parts: from `segments`, compiled or not; those after the last exit that any image needs do not run.
        images: (N, C, H, W), normalised; N may be 0.
        threshold: 1 or more sends every image to the last exit.
        temperatures: one per exit, by which its logits are divided; None: 1 everywhere.
    """
    device = images.device
    label = torch.empty(len(images), dtype=torch.int64, device=device)
    confidence = torch.empty(len(images), dtype=torch.float32, device=device)
    exit_ = torch.empty(len(images), dtype=torch.int64, device=device)
    waiting = torch.arange(len(images), device=device)
    x = images
    for number, part in enumerate(parts):
        if not len(waiting):
            break
        x, logits = part(x)
        logits = logits.float() / (1 if temperatures is None else temperatures[number])
        sure = confidence_of(logits)
        leaves = sure > threshold if number + 1 < len(parts) else torch.ones_like(sure, dtype=torch.bool)
        num_staying = len(waiting) - int(leaves.sum())  # the one wait for a GPU per exit
        if num_staying == len(waiting):
            continue
        order = leaves.int().argsort(stable=True)  # who stays, then who leaves
        stays, goes = order[:num_staying], order[num_staying:]
        left = waiting[goes]
        label[left] = logits.argmax(dim=-1)[goes]
        confidence[left] = sure[goes]
        exit_[left] = number
        waiting, x = waiting[stays], _rows(x, stays)
    return Answers(label, confidence, exit_)


def _rows(x: Tensor, rows: Tensor) -> Tensor:
    """Some images of a feature map, in the memory format it has."""
    if x.is_contiguous():
        return x.index_select(0, rows)
    # Images are whole pieces of memory in channels_last too; selecting through the view is much the fastest.
    return x.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
