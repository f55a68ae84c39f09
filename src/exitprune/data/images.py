"""Images as networks see them: read from data.safetensors, which the stage `data` writes, and drawn in augmented batches.

Letters: N images, C channels, H and W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from exitprune.config.data import Augment
from exitprune.data.manifest import check_split, checked_manifest
from exitprune.documents import INSTEAD
from exitprune.errors import BadInput
from exitprune.jobs.seeding import generator
from exitprune.storage import read_header, read_layout, read_tensors

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True)
class Images:
    """Labelled images on the device that computes.

    Attributes:
        pixels: (N, C, H, W) uint8.
        labels: (N,) int64.
        mean, std: (C, 1, 1) float32, of the training pixels, in units of the full range.
    """

    pixels: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def normalise(self, pixels: Tensor) -> Tensor:
        """uint8 pixels to float32 of mean 0 and deviation 1, channels last in memory."""
        scaled = (pixels.float() / 255 - self.mean) / self.std
        return scaled.contiguous(memory_format=torch.channels_last)


def batches(
    images: Images, batch_size: int, augment: Augment, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch in random order: normalised, augmented images and their labels, always `batch_size` of them.

    Images left over at the end of an epoch are left out (every epoch leaves out others); a set smaller than one batch is
    one batch.
    """
    size = min(batch_size, len(images))
    height, width = images.pixels.shape[2:]
    padded = F.pad(images.pixels, [augment.pad] * 4)
    order = torch.randperm(len(images), generator=generator)
    corners = torch.randint(0, 2 * augment.pad + 1, (2, len(images), 1), generator=generator)
    mirrored = torch.rand(len(images), 1, generator=generator) < (0.5 if augment.flip else 0)
    rows = corners[0] + torch.arange(height)  # (N, H)
    columns = corners[1] + torch.where(mirrored, torch.arange(width).flip(0), torch.arange(width))  # (N, W)
    device = images.pixels.device
    order, rows, columns = order.to(device), rows.to(device), columns.to(device)
    for start in range(0, len(images) - size + 1, size):
        index = order[start : start + size]
        crops = padded[index[:, None, None], :, rows[index][:, :, None], columns[index][:, None, :]]  # (n, H, W, C)
        yield images.normalise(crops.permute(0, 3, 1, 2)), images.labels[index]


@dataclass(frozen=True)
class Epoch:
    """The batches of one epoch, the same ones each time they are gone through.

    Attributes:
        images, batch_size, augment: as `batches` takes them.
        purpose: names the generator they are drawn from.
    """

    images: Images
    batch_size: int
    augment: Augment
    purpose: tuple[object, ...]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return batches(self.images, self.batch_size, self.augment, generator(*self.purpose))


def load_manifest(path: Path) -> dict[str, Any]:
    """The manifest in the header; no pixels are read.

    Raises:
        BadInput: if the file is missing, cut short or not one of prepared images.
    """
    return checked_manifest(path, read_header(path))


def load_split(path: Path, split: Split, device: torch.device | str = "cpu") -> Images:
    """Labelled images of one split, with the mean and deviation of the training pixels.

    Raises:
        BadInput: if the file is missing, cut short or not one of prepared images.
    """
    layout, header = read_layout(path)
    manifest = checked_manifest(path, header)
    check_split(path, layout, manifest, split)
    tensors, _ = read_tensors(path)
    labels = tensors[f"{split}_labels"]
    if not 0 <= int(labels.min()) <= int(labels.max()) < len(manifest["classes"]):
        raise BadInput(f"{path}: {split}_labels are not from 0 to {len(manifest['classes']) - 1}; {INSTEAD}")
    mean, std = (
        torch.tensor(manifest[key], dtype=torch.float32, device=device).view(-1, 1, 1) for key in ("mean", "std")
    )
    return Images(tensors[f"{split}_pixels"].to(device), labels.to(device), mean, std)
