"""The networks of a study that are timed: dense and pruned, with exits and without, in float32 and in eight bits, and rivals.

A rival is a plain network: trained like the base network and, in a study that says so, trained longer, and pruned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from exitprune.config.params import Params
from exitprune.data.images import Images, load_split
from exitprune.deployment.filter_removal import remove_filters
from exitprune.deployment.folding import fold
from exitprune.deployment.int8 import calibration_images, logits_of, quantised
from exitprune.deployment.measured_times import BASE, NOBODY, PLAIN, WITHIN
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.removal import remove_dead_channels
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import confidence_of, first_confident_exit, sweep
from exitprune.evaluation.logits import infer
from exitprune.evaluation.operating_points import Costs, Rule, choose, outcome
from exitprune.jobs.seeding import generator
from exitprune.networks.checkpoints import Checkpoint, load_checkpoint
from exitprune.networks.cost import exit_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.fewer_exits import keep_exits
from exitprune.networks.identity import weights_digest
from exitprune.networks.masks import full_masks

RECIPE = "joint"
RECOVERED = "recovered.safetensors"
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the MACs of the last exit: further thresholds, each the most accurate within its share."""


@dataclass(frozen=True)
class Point:
    """A threshold chosen on validation images, and what it gives on test images."""

    choice: str
    threshold: float
    accuracy: float
    macs: float


@dataclass(frozen=True)
class Subject:
    """A network to time.

    Attributes:
        name: as tables and figures call it.
        seed: of the run.
        sha256: of the weights in its checkpoint.
        network: as it is exported: batch norm folded, and what is empty taken out.
        points: thresholds to time it at; the first is nobody leaving early.
        executed: MACs that dense kernels do up to each exit.
        logits: by split, (E, N, K), of all images.
        exits: by choice, (N,) the exit that each test image takes.
        model: in eight bits, as onnxruntime takes it, which alone can run it then; None: any runtime makes its own.
    """

    name: str
    seed: int
    sha256: str
    network: EarlyExitNetwork
    points: list[Point]
    executed: list[int]
    logits: dict[str, Tensor]
    exits: dict[str, Tensor]
    model: bytes | None = None

    def macs_executed(self, choice: str, num_images: int) -> float:
        """Average over the first test images, which are those timed."""
        return float(torch.tensor(self.executed, dtype=torch.float64)[self.exits[choice][:num_images]].mean())


@dataclass(frozen=True)
class Made:
    """Where a network lies and what makes it as small as it is exported."""

    path: Path
    smaller: Callable[[EarlyExitNetwork], EarlyExitNetwork]

    def with_exits(self, kept: Sequence[int] | None) -> tuple[Checkpoint, EarlyExitNetwork]:
        """The checkpoint and the network to time, with these early exits alone; None: with all."""
        level = load_checkpoint(self.path)
        level = level if kept is None else keep_exits(level, kept)
        return level, self.smaller(level.network)


def made(params: Params, filters: Params | None, seed: int) -> dict[str, Made]:
    """The networks of one seed by name, in a fixed order.

    Args:
        params: of the study, whose weights are pruned.
        filters: of the study beside it, whose filters are; None: there is none.
        seed: of the run.

    Raises:
        BadInput: if a checkpoint is missing: what to run.
    """
    runs = Path("runs", params.study, f"seed{seed}")
    found = {
        BASE: Made(runs / "base.safetensors", fold),
        "dense, exits": Made(runs / "level-00.safetensors", fold),
    }
    for recipe in params.recipes:
        if params.recipes[recipe].order == params.recipes[RECIPE].order:
            found[_gone(params, recipe)] = Made(runs / recipe / RECOVERED, as_exported)
    if filters:
        path = Path("runs", filters.study, f"seed{seed}", RECIPE, RECOVERED)
        name = f"{100 * filters.sparsity:g} % of the filters pruned"
        found[name] = Made(path, lambda network: as_exported(remove_filters(network)))
    for depth in params.rivals:
        name = f"{PLAIN}{params.model.at_depth(depth).own.title}"
        found[name] = Made(runs / f"rival-{depth}.safetensors", fold)
        if params.rival_recipes:
            epochs = max(map(params.epochs, params.rival_recipes))
            found[f"{name}, {epochs:g} epochs"] = Made(runs / f"rival-{depth}-longer.safetensors", fold)
        for recipe in params.rival_recipes:
            path = runs / f"rival-{depth}" / recipe / RECOVERED
            found[f"{name}, {_gone(params, recipe)}"] = Made(path, as_exported)
    for one in found.values():
        if not one.path.exists():
            raise BadInput(f"{one.path}: not there; run: make bench-inference STUDY={params.study}")
    return found


def _gone(params: Params, recipe: str) -> str:
    share = f"{100 * params.recipes[recipe].sparsity:g} % of the weights pruned"
    return share if recipe == RECIPE else f"{share} ({recipe})"


def as_exported(network: EarlyExitNetwork) -> EarlyExitNetwork:
    """Folded, without what is empty."""
    return remove_dead_channels(fold(network))


def load_splits(study: str) -> dict[str, Images]:
    """Validation and test images."""
    data = Path("runs", study, "data.safetensors")
    return {"validation": load_split(data, "validation"), "test": shuffled(load_split(data, "test"))}


def shuffled(images: Images) -> Images:
    """In an order of chance, the same in every run: some data sets come class by class, and not all images are timed."""
    order = shuffle(len(images))
    return replace(images, pixels=images.pixels[order], labels=images.labels[order])


def shuffle(num_images: int) -> Tensor:
    """That order."""
    return torch.randperm(num_images, generator=generator("bench"))


def subject(name: str, seed: int, one: Made, splits: dict[str, Images], in_int8: bool = False) -> Subject:
    """With its thresholds: nobody leaving; at most a point of accuracy lost; and the best within each share of the MACs.

    Args:
        name, seed: of the subject.
        one: where it lies.
        splits: validation and test.
        in_int8: quantise it, calibrated on validation images, before thresholds are chosen.
    """
    level, network = one.with_exits(None)
    macs = torch.tensor([[cost.macs] for cost in exit_costs(level.network, level.masks)])
    executed = [cost.macs for cost in exit_costs(network, full_masks(network))]
    model = in_eight_bits(network, splits["validation"]) if in_int8 else None
    logits = {
        name: logits_of(model, images.pixels.numpy(), network.num_exits, 1) if model else infer(network, images)
        for name, images in splits.items()
    }
    thresholds: dict[str, float | None] = {NOBODY: 1.0}
    if network.num_exits > 1:
        curve = sweep(logits["validation"], splits["validation"].labels, macs)
        rules = {WITHIN: Rule("accuracy_lost", 0.01)} | {
            f"share {share:g}": Rule("macs_share", share) for share in SHARES
        }
        thresholds |= {choice: choose(curve, rule, Costs(macs)) for choice, rule in rules.items()}
    points: list[Point] = []
    exits: dict[str, Tensor] = {}
    for choice, threshold in thresholds.items():
        if threshold is None:
            continue
        got = outcome(logits["test"], splits["test"].labels, Costs(macs), threshold)
        points.append(Point(choice, threshold, got.accuracy, got.average_macs))
        exits[choice] = first_confident_exit(confidence_of(logits["test"]), threshold)
    content = model.SerializeToString() if model else None
    digest = weights_digest(level.network)
    return Subject(name, seed, digest, network, points, executed, logits, exits, content)


def in_eight_bits(network: EarlyExitNetwork, validation: Images) -> Any:
    """The exported model, quantised."""
    mean, std = validation.mean.flatten().tolist(), validation.std.flatten().tolist()
    return quantised(build_model(network, mean, std), calibration_images(validation.pixels.numpy()))
