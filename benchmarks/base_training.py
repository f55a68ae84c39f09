"""What else a practitioner would do to train the base network, tried on validation images.

Rates, batches and decays; no decay of batch norms; weights averaged over steps; maps of half the size in the first half. Each
trains the study's base at its own epochs, with seeds that no study reports: `python -m benchmarks.base_training STUDY`. Written
to results/<study>/base_training.csv, a row as soon as it is there; what is there is not trained again. The study's data are
those of `runs/`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typer import Argument, run

from exitprune.config.study import resolve
from exitprune.data.images import Images, load_split
from exitprune.jobs.compute import set_up
from exitprune.jobs.seeding import seed_of
from exitprune.networks.as_drawn import base_as_drawn
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import full_masks
from exitprune.training.callbacks import Callback
from exitprune.training.endings.best import accuracy_of
from exitprune.training.loop import train_

ROOT = Path(__file__).parents[1]
SEEDS = (100, 101)


class NoDecayOfNorms(Callback):
    """Takes the decay back that the optimiser is about to add to what has one dimension."""

    def __init__(self, decay: float) -> None:
        self.decay = decay

    @torch.no_grad()
    def after_backward(self, network: EarlyExitNetwork) -> None:
        for parameter in network.parameters():
            if parameter.dim() == 1 and parameter.grad is not None:
                parameter.grad -= self.decay * parameter


class Averaged(Callback):
    """Leaves the network with weights and statistics averaged over steps, the last of them most."""

    def __init__(self, keep: float) -> None:
        self.keep, self.mean = keep, dict[str, Tensor]()

    @torch.no_grad()
    def after_step(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        for name, value in network.state_dict().items():
            self.mean[name] = value.clone() if name not in self.mean else self.mean[name]
            if value.is_floating_point():
                self.mean[name].lerp_(value, 1 - self.keep)

    @contextmanager
    def during(self, network: EarlyExitNetwork) -> Iterator[None]:
        yield
        network.load_state_dict(self.mean)


class SmallFirst(Callback):
    """Halves every image until half of the epochs are over."""

    def __init__(self, epochs: float) -> None:
        self.left = epochs / 2

    @contextmanager
    def during(self, network: EarlyExitNetwork) -> Iterator[None]:
        first = next(module for module in network.base.modules() if isinstance(module, nn.Conv2d))
        handle = first.register_forward_pre_hook(lambda _, given: F.avg_pool2d(given[0], 2) if self.left > 0 else None)
        try:
            yield
        finally:
            handle.remove()

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        self.left -= 1
        return False


def variants(base: Any) -> dict[str, tuple[dict[str, Any], list[Callback]]]:
    """By name: settings of the base's training that change, and who has a say in it."""
    return {
        "as the study": ({}, []),
        "half the rate": ({"lr": base.lr / 2}, []),
        "twice the rate": ({"lr": base.lr * 2}, []),
        "a fifth of the decay": ({"weight_decay": base.weight_decay / 5}, []),
        "half the batch": ({"batch_size": base.batch_size // 2}, []),
        "no decay of batch norms": ({}, [NoDecayOfNorms(base.weight_decay)]),
        "twice the rate, no decay of batch norms": ({"lr": base.lr * 2}, [NoDecayOfNorms(base.weight_decay)]),
        "averaged weights": ({}, [Averaged(0.998)]),
        "small maps first": ({}, [SmallFirst(base.epochs)]),
    }


def main(study: Annotated[str, Argument(help="A study whose data are in runs/.")]) -> None:
    """Train them in turn, a seed after the other."""
    params, data = resolve({"study": study}, ROOT / "presets"), Path("runs") / study / "data.safetensors"
    train, held_out = (load_split(data, split) for split in ("train", "validation"))
    out = ROOT / "results" / study / "base_training.csv"
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = pd.read_csv(out).to_dict("records") if out.exists() else []
    for seed in SEEDS:
        for name in variants(params.base):
            if not any((row["variant"], row["seed"]) == (name, seed) for row in rows):
                changes, callbacks = variants(params.base)[name]
                settings = params.base.model_copy(update=changes)
                network = _drawn(params.model, train, seed)
                began = time.process_time()
                train_(
                    network,
                    train,
                    "base",
                    settings,
                    params.data.augment,
                    seed_of(seed, "base"),
                    full_masks(network),
                    set_up(params.compute),
                    callbacks=callbacks,
                )
                seconds = round(time.process_time() - began, 1)
                rows.append(
                    {
                        "variant": name,
                        "seed": seed,
                        "accuracy": accuracy_of(network, held_out, "base"),
                        "seconds": seconds,
                    }
                )
                pd.DataFrame(rows).to_csv(out, index=False)


def _drawn(model: Any, images: Images, seed: int) -> EarlyExitNetwork:
    channels, height, width = images.pixels.shape[1:]
    num_classes = int(images.labels.max()) + 1
    return base_as_drawn(Spec(model.architecture, model.settings, channels, height, width, num_classes, (), None), seed)


if __name__ == "__main__":
    run(main)
