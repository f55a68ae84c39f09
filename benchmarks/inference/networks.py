"""The networks of a study that are timed: dense and pruned, with exits and without, and plain rivals trained like the base."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
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
from exitprune.deployment.measured_times import NOBODY, WITHIN
from exitprune.deployment.onnx_export import build_model
from exitprune.deployment.removal import remove_dead_channels
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import confidence_of, first_confident_exit, sweep
from exitprune.evaluation.logits import infer
from exitprune.evaluation.operating_points import Costs, Rule, choose, outcome
from exitprune.jobs.seeding import generator
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.cost import exit_costs
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.identity import weights_digest
from exitprune.networks.masks import full_masks

RECIPE = "joint"
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
        sha256: of the weights in its checkpoint, or of its model in eight bits.
        network: folded.
        points: thresholds to time it at; the first is nobody leaving early.
        executed: MACs that dense kernels do up to each exit.
        exits: by choice, (N,) the exit that each test image takes.
        model: in eight bits, as onnxruntime takes it, which alone can run it then; None: any runtime makes its own.
    """

    name: str
    seed: int
    sha256: str
    network: EarlyExitNetwork
    points: list[Point]
    executed: list[int]
    exits: dict[str, Tensor]
    model: bytes | None = None

    def macs_executed(self, choice: str, num_images: int) -> float:
        """Average over the first test images, which are those timed."""
        return float(torch.tensor(self.executed, dtype=torch.float64)[self.exits[choice][:num_images]].mean())


def subjects(params: Params, filters: Params, seed: int) -> Iterator[Subject]:
    """The networks of one seed, in a fixed order.

    Args:
        params: of the study, whose weights are pruned.
        filters: of the study beside it, whose filters are.
        seed: of the run.

    Raises:
        BadInput: if a checkpoint is missing: what to run.
    """
    data = Path("runs", params.study, "data.safetensors")
    runs, smaller_runs = (Path("runs", one.study, f"seed{seed}") for one in (params, filters))
    weights_gone = f"{100 * params.sparsity:g} % of the weights pruned"
    filters_gone = f"{100 * filters.sparsity:g} % of the filters pruned"
    pruned = runs / RECIPE / "recovered.safetensors"
    made = {
        "dense, no exits": (runs / "base.safetensors", fold),
        "dense, exits": (runs / "level-00.safetensors", fold),
        weights_gone: (pruned, fold),
        f"{weights_gone}, emptied taken out": (pruned, lambda n: remove_dead_channels(fold(n))),
        filters_gone: (
            smaller_runs / RECIPE / "recovered.safetensors",
            lambda n: remove_dead_channels(fold(remove_filters(n))),
        ),
        **{
            f"plain {params.model.at_depth(depth).own.title}": (runs / f"rival-{depth}.safetensors", fold)
            for depth in params.rivals
        },
    }
    for path, _ in made.values():
        if not path.exists():
            raise BadInput(f"{path}: not there; run: make bench-inference STUDY={params.study}")
    splits = {"validation": load_split(data, "validation"), "test": shuffled(load_split(data, "test"))}
    for name, (path, smaller) in made.items():
        yield subject(name, seed, path, smaller, splits)
    for name in (one for one in made if one != weights_gone):  # as exported, with what is empty taken out
        yield subject(f"{name}, int8", seed, *made[name], splits, in_int8=True)


def shuffled(images: Images) -> Images:
    """In an order of chance, the same in every run: some data sets come class by class, and not all images are timed."""
    order = torch.randperm(len(images), generator=generator("bench"))
    return replace(images, pixels=images.pixels[order], labels=images.labels[order])


def subject(
    name: str,
    seed: int,
    path: Path,
    smaller: Callable[[EarlyExitNetwork], EarlyExitNetwork],
    splits: dict[str, Images],
    in_int8: bool = False,
) -> Subject:
    """With its thresholds: nobody leaving; at most a point of accuracy lost; and the best within each share of the MACs.

    Args:
        name, seed: of the subject.
        path: of its checkpoint.
        smaller: makes of the network in it the one that is timed.
        splits: validation and test.
        in_int8: quantise it, calibrated on validation images, before thresholds are chosen.
    """
    level = load_checkpoint(path)
    network = smaller(level.network)
    macs = torch.tensor([[cost.macs] for cost in exit_costs(level.network, level.masks)])
    executed = [cost.macs for cost in exit_costs(network, full_masks(network))]
    model = _in_int8(network, splits["validation"]) if in_int8 else None
    logits = {
        name: logits_of(model, images.pixels.numpy(), network.num_exits, 1) if model else infer(network, images)
        for name, images in splits.items()
    }
    content = model.SerializeToString() if model else None
    digest = hashlib.sha256(content).hexdigest() if content else weights_digest(level.network)
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
    return Subject(name, seed, digest, network, points, executed, exits, content)


def _in_int8(network: EarlyExitNetwork, validation: Images) -> Any:
    mean, std = validation.mean.flatten().tolist(), validation.std.flatten().tolist()
    return quantised(build_model(network, mean, std), calibration_images(validation.pixels.numpy()))
