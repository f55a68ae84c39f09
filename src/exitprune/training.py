"""The one training loop: base training, exit-head training, fine-tuning and recovery are this, with other arguments.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from exitprune.checkpoints import read_header, read_tensors, write_tensors
from exitprune.compute import CPU, Machine
from exitprune.early_exit import EarlyExitNetwork, Group
from exitprune.losses import exit_loss
from exitprune.masks import apply_masks_
from exitprune.seeding import generator
from exitprune.settings import Augment, Training


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


class Observer(Protocol):
    """Who wants to know how training goes."""

    def step(self, num_images: int) -> None:
        """So many images have gone through."""

    def skip(self, num_images: int) -> None:
        """So many images had gone through before."""

    def end_epoch(self, epoch: int, loss: float) -> None:
        """An epoch, counted from 1, has ended with this mean loss."""


@dataclass(frozen=True)
class Resumption:
    """The state of a long training after its last finished epoch, in a file: going on from it gives the same bytes.

    Attributes:
        out: what the training will write in the end; the state lies beside it until then.
        key: what the training is made from; a file with another key is not used.
    """

    out: Path
    key: str

    @property
    def path(self) -> Path:
        """Of the file."""
        return self.out.with_suffix(".partial.safetensors")

    def keep(self, epoch: int, network: EarlyExitNetwork, optimiser: torch.optim.SGD, scheduler: LRScheduler) -> None:
        """Write weights, buffers, momentum and the learning rate's state."""
        states = {i: optimiser.state[parameter] for i, parameter in enumerate(_parameters(optimiser))}
        momentum = {f"momentum:{i}": state["momentum_buffer"] for i, state in states.items() if state}
        header = {"key": self.key, "epoch": epoch, "scheduler": scheduler.state_dict()}
        write_tensors(self.path, {**network.state_dict(), **momentum}, header)

    def restore_(self, network: EarlyExitNetwork, optimiser: torch.optim.SGD, scheduler: LRScheduler) -> int:
        """Load what `keep` wrote, if it is ours; the number of epochs already done."""
        if not self.path.exists() or read_header(self.path).get("key") != self.key:
            return 0
        tensors, header = read_tensors(self.path)
        for i, parameter in enumerate(_parameters(optimiser)):
            if f"momentum:{i}" in tensors:
                buffer = torch.empty_like(parameter).copy_(tensors.pop(f"momentum:{i}"))
                optimiser.state[parameter]["momentum_buffer"] = buffer
        network.load_state_dict(tensors)
        scheduler.load_state_dict(header["scheduler"])
        for group, lr in zip(optimiser.param_groups, scheduler.get_last_lr(), strict=True):
            group["lr"] = lr
        epoch: int = header["epoch"]
        return epoch

    def forget(self) -> None:
        """Remove the file: the training is over."""
        self.path.unlink(missing_ok=True)


def _parameters(optimiser: torch.optim.SGD) -> list[Tensor]:
    return [parameter for group in optimiser.param_groups for parameter in group["params"]]


def steps_per_epoch(images: Images, settings: Training) -> int:
    """Optimiser steps of a whole epoch: whole batches only."""
    return len(images) // min(settings.batch_size, len(images))


def steps(images: Images, settings: Training) -> int:
    """Optimiser steps of a training; of the last epoch, where it is not whole, its share, one step at least."""
    wanted = round(settings.epochs * steps_per_epoch(images, settings))
    return max(wanted, 1) if settings.epochs else 0


def images_seen(images: Images, settings: Training) -> int:
    """How many images a training goes through, each as often as it is seen."""
    return steps(images, settings) * min(settings.batch_size, len(images))


def set_trainable_(network: EarlyExitNetwork, group: Group) -> None:
    """Let a group learn and freeze the rest, batch-norm statistics included."""
    network.train(True)
    network.requires_grad_(True)
    if group != "all":
        frozen = network.base if group == "exits" else network.exits
        frozen.train(False)
        frozen.requires_grad_(False)


def train_(
    network: EarlyExitNetwork,
    images: Images,
    group: Group,
    settings: Training,
    augment: Augment,
    seed: int,
    masks: Mapping[str, Tensor],
    machine: Machine = CPU,
    observer: Observer | None = None,
    resumption: Resumption | None = None,
) -> None:
    """Train a group in place by SGD with momentum; masked weights stay exactly zero.

    Args:
        network: changed in place.
        images: to train on.
        group: what learns; the others do not move, their batch-norm statistics included.
        settings: epochs, learning rate and so on; 0 epochs do nothing.
        augment: random changes of the images.
        seed: decides order and augmentation; every epoch draws from its own generator.
        masks: of all layers.
        machine: precision, and whether to compile.
        observer: is told of every step and epoch.
        resumption: keeps the state after every epoch, and starts from it.

    Raises:
        FloatingPointError: in the epoch in which the loss stops being finite.
    """
    set_trainable_(network, group)
    forward = torch.compile(network, mode="reduce-overhead") if machine.compile else network
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(
        trained,
        settings.lr,
        settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.momentum > 0,
        fused=True,
    )
    num_steps, per_epoch = steps(images, settings), steps_per_epoch(images, settings)
    scheduler = _lr_scheduler(optimiser, settings, num_steps)
    done = resumption.restore_(network, optimiser, scheduler) if resumption else 0
    if observer and done:
        observer.skip(min(done * per_epoch, num_steps) * min(settings.batch_size, len(images)))
    for epoch in range(done + 1, math.ceil(num_steps / per_epoch) + 1):
        share = min(per_epoch, num_steps - (epoch - 1) * per_epoch)
        total = torch.zeros((), device=images.pixels.device)
        drawn = batches(images, settings.batch_size, augment, generator(seed, epoch))
        for pixels, labels in islice(drawn, share):
            with torch.autocast(pixels.device.type, machine.precision, enabled=machine.precision != torch.float32):
                logits = forward(pixels, group)
            loss = exit_loss(logits, labels)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            apply_masks_(network, masks)
            scheduler.step()
            total += loss.detach()
            if observer:
                observer.step(len(labels))
        mean = float(total) / share  # the only wait for the device in an epoch
        if not math.isfinite(mean):
            raise FloatingPointError(
                f"the loss is {mean} in epoch {epoch}: try a smaller learning rate than {settings.lr}"
            )
        if observer:
            observer.end_epoch(epoch, mean)
        if resumption:
            resumption.keep(epoch, network, optimiser, scheduler)


def _lr_scheduler(optimiser: torch.optim.SGD, settings: Training, num_steps: int) -> LRScheduler:
    if settings.lr_scheduler == "one_cycle" and num_steps > 1:
        return OneCycleLR(optimiser, settings.lr, total_steps=num_steps + 1, cycle_momentum=False)
    if settings.lr_scheduler == "cosine" and num_steps > 1:
        return CosineAnnealingLR(optimiser, num_steps)
    return LambdaLR(optimiser, lambda step: 1.0)
