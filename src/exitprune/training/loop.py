"""The one training loop: base training, exit-head training, fine-tuning and recovery are this, with other arguments.

Letters: E exits, N images, C channels, K classes, H and W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from typing import Protocol

import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler, OneCycleLR

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images, batches
from exitprune.jobs.compute import CPU, Machine
from exitprune.jobs.seeding import generator, seed_of
from exitprune.networks.early_exit import EarlyExitNetwork, Group
from exitprune.training.after import Watch
from exitprune.training.callbacks import Callback, KeepMasks
from exitprune.training.forward import forward_pass
from exitprune.training.losses import exit_loss
from exitprune.training.maps import kept_maps
from exitprune.training.resumption import Resumption


class Observer(Protocol):
    """Who wants to know how training goes."""

    def step(self, num_images: int) -> None:
        """So many images have gone through."""

    def skip(self, num_images: int) -> None:
        """So many images had gone through before."""

    def end_epoch(self, epoch: int, loss: float) -> None:
        """An epoch, counted from 1, has ended with this mean loss."""


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
    others: dict[Group, Group] = {"base": "exits", "exits": "base"}
    for frozen in network.parts(others[group]) if group in others else ():
        frozen.train(False)
        frozen.requires_grad_(False)


@torch.random.fork_rng(devices=[])
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
    callbacks: Sequence[Callback] = (),
    going_on: Resumption | None = None,
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
        callbacks: have a say at each point, after masked weights have been set to zero again.
        going_on: a training that a callback stopped; this one takes over its momentum and its place in the schedule, and
            none of its weights.

    Raises:
        RunAway: in the epoch in which the loss stops being finite, or where anything else is not that would be saved.
    """
    watch = Watch(network, images)
    set_trainable_(network, group)
    # What is compiled, recorded or kept has no place for those who reach into a pass.
    reaches_in = network.spec.gated or any(callback.reaches_in for callback in callbacks)
    maps = None if reaches_in else kept_maps(network, group, images, augment)
    machine = replace(machine, compile=machine.compile and not reaches_in)
    forward = maps.forward if maps else forward_pass(network, group, machine, images, settings.batch_size)
    callbacks = (KeepMasks(), *callbacks)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    trained += [parameter for callback in callbacks for parameter in callback.parameters()]
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
    done, is_stopped = resumption.restore_(network, optimiser, scheduler, callbacks) if resumption else (0, False)
    if going_on and not done:
        done, _ = going_on.restore_(None, optimiser, scheduler)
    if is_stopped:
        watch.at_end()
        return
    step = done * per_epoch
    if observer and done:
        observer.skip(min(done * per_epoch, num_steps) * min(settings.batch_size, len(images)))
    with ExitStack() as held:
        for callback in callbacks:
            held.enter_context(callback.during(network))
        for epoch in range(done + 1, math.ceil(num_steps / per_epoch) + 1):
            share = min(per_epoch, num_steps - (epoch - 1) * per_epoch)
            total = torch.zeros((), device=images.pixels.device)
            draws = generator(seed, epoch)
            size = settings.batch_size
            drawn = maps.batches(size, draws) if maps else batches(images, size, augment, draws)
            torch.manual_seed(seed_of(seed, epoch, "dropout"))
            for shown, labels in islice(drawn, share):
                for callback in callbacks:
                    callback.before_forward(network)
                logits = forward(shown)
                step += 1
                for callback in callbacks:
                    callback.after_forward(network, logits, labels)
                loss = exit_loss(logits, labels)
                for callback in callbacks:
                    penalty = callback.penalty(network, step / num_steps)
                    loss = loss if penalty is None else loss + penalty
                optimiser.zero_grad()
                torch.autograd.backward(loss)
                for callback in callbacks:
                    callback.after_backward(network)
                optimiser.step()
                for callback in callbacks:
                    callback.after_step(network, masks)
                scheduler.step()
                total += loss.detach()
                if observer:
                    observer.step(len(labels))
            mean = float(total) / share  # the only wait for the device in an epoch
            watch.after_epoch(epoch, mean)
            if observer:
                observer.end_epoch(epoch, mean)
            stops = [callback.after_epoch(network, epoch) for callback in callbacks]
            if resumption:
                watch.before_saving(epoch, optimiser)
                resumption.keep(epoch, network, optimiser, scheduler, callbacks, any(stops))
            if any(stops):
                break
    if step:
        watch.at_end()


def _lr_scheduler(optimiser: torch.optim.SGD, settings: Training, num_steps: int) -> LRScheduler:
    if settings.lr_scheduler == "one_cycle" and num_steps > 1:
        return OneCycleLR(optimiser, settings.lr, total_steps=num_steps + 1, cycle_momentum=False)
    if settings.lr_scheduler == "cosine" and num_steps > 1:
        return CosineAnnealingLR(optimiser, num_steps)
    return LambdaLR(optimiser, lambda step: 1.0)
