"""What exits see of images, computed once: a frozen base network gives the same maps of the same images in every epoch.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from exitprune.config.data import Augment
from exitprune.data.images import Images
from exitprune.networks.architectures import Blocks
from exitprune.networks.early_exit import EarlyExitNetwork, Group

LARGEST = 4 * 2**30
"""Bytes of maps that are kept: those of all of CIFAR-10 for six exits on 4 x 4 maps take 0.6 GB."""
BATCH_SIZE = 256


@dataclass(frozen=True)
class KeptMaps:
    """What each exit that learns sees of a set of images.

    Attributes:
        network: whose exits they are.
        averages: (N, F) for each early exit, the numbers that its linear layer sees.
        last: (N, C, H, W), what the classifier sees, if it learns too.
        labels: (N,).
    """

    network: EarlyExitNetwork
    averages: list[Tensor]
    last: Tensor | None
    labels: Tensor

    def batches(self, batch_size: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Places of images in random order, as `data.images.batches` draws them, and their labels."""
        size = min(batch_size, len(self.labels))
        order = torch.randperm(len(self.labels), generator=generator).to(self.labels.device)
        for start in range(0, len(self.labels) - size + 1, size):
            index = order[start : start + size]
            yield index, self.labels[index]

    def forward(self, index: Tensor) -> Tensor:
        """Places of images to the (E, N, K) logits of the exits that learn."""
        heads = self.network.heads.values()
        logits = [head.fc(seen[index]) for head, seen in zip(heads, self.averages, strict=True)]
        return torch.stack(logits if self.last is None else [*logits, self.network.base.classify(self.last[index])])


class _Last:
    """Looks at what the classifier takes."""

    seen: Tensor

    def __call__(self, map_: Tensor) -> Tensor:
        self.seen = map_
        return map_


@torch.no_grad()
def kept_maps(network: EarlyExitNetwork, group: Group, images: Images, augment: Augment) -> KeptMaps | None:
    """What the exits see of all images; None: it changes from step to step, is too large to be kept, or cannot be had.

    What the classifier sees can be had of a network of blocks in a row.
    """
    with_last = network.spec.classifier == "exits"
    if group != "exits" or augment.pad or augment.flip or (with_last and not isinstance(network.base, Blocks)):
        return None
    heads = list(network.heads.values())
    parts: list[list[Tensor]] = []
    for pixels in torch.split(images.pixels, BATCH_SIZE):
        last = _Last()
        maps, _ = network.features(images.normalise(pixels), last)
        kept = [head.averages(map_) for head, map_ in zip(heads, maps, strict=True)]
        parts.append([*kept, last.seen] if with_last else kept)
        if len(images) / len(pixels) * sum(part.nbytes for part in parts[-1]) > LARGEST:
            return None
    whole = [torch.cat(of_exit) for of_exit in zip(*parts, strict=True)]
    return KeptMaps(network, whole[: len(heads)], whole[-1] if with_last else None, images.labels)
