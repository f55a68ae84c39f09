"""From the logits of one level to what its record keeps of it: how sparse, how good every exit is, what is empty.

Nothing here sees two levels at once, and nothing chooses a threshold: see `study`.

Letters: E exits, N images, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from exitprune.evaluation.calibration import calibration, fit_temperatures
from exitprune.evaluation.exiting import outcomes_of
from exitprune.evaluation.records import SWEPT, Outcomes, State
from exitprune.jobs.seeding import generator
from exitprune.networks.groups import group_of

SAMPLE = "sample"
"""The validation images that every level is evaluated on."""
EMPTIABLE = ("filters", "empty_filters", "channels", "empty_channels")


def states(num_levels: int) -> list[State]:
    """Of the levels of a chain, level 0 first and the recovered one last."""
    return ["unpruned", *["intermediate"] * (num_levels - 3), "final", "recovered"]  # type: ignore[list-item]


def sample(num_images: int, between: int | float) -> Tensor:
    """Which of so many validation images intermediate levels are evaluated on: (n,), rising; the same for all levels.

    Args:
        num_images: in all.
        between: how many of them, or which share; see `config.evaluate`.
    """
    wanted = between if isinstance(between, int) else round(between * num_images)
    drawn = torch.randperm(num_images, generator=generator("sample"))
    return drawn[: max(1, wanted)].sort().values


def splits_of(state: State) -> tuple[str, ...]:
    """The images that a level in a state is evaluated on; the sample is a part of validation."""
    return ("validation", "test") if state in SWEPT else (SAMPLE,)


def with_sample(logits: Mapping[str, Tensor], sampled: Tensor) -> dict[str, Tensor]:
    """Logits (E, N, K), or labels (N,), by split, those of the sample among them."""
    if SAMPLE in logits:
        return dict(logits)
    validation = logits["validation"]
    return {**logits, SAMPLE: validation[..., sampled, :] if validation.dim() > 1 else validation[sampled]}


def outcomes_by_split(
    logits: Mapping[str, Tensor], labels: Mapping[str, Tensor], macs: Mapping[str, Tensor]
) -> dict[str, Outcomes]:
    """What is kept of validation and test images one by one; arguments by split, as of `outcomes_of`."""
    return {split: outcomes_of(logits[split], labels[split], macs[split]) for split in ("validation", "test")}


def level_entry(
    header: Mapping[str, Any],
    state: State,
    logits: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
    macs: Mapping[str, Tensor],
) -> dict[str, Any]:
    """A level as `records.Level` has it.

    Args:
        header: of the file of logits: group of the round, sparsity by group, cost per layer and per exit.
        state: of the level.
        logits: (E, N, K) by split, the sample among them.
        labels: (N,) by split.
        macs: (E, 1) or (E, N) by split.
    """
    accuracy = {
        split: (given.argmax(dim=-1) == labels[split]).double().mean(dim=-1).tolist() for split, given in logits.items()
    }
    shown = macs["test"] if "test" in macs else macs[SAMPLE]
    return {
        **{key: header[key] for key in ("name", "level", "prune", "weights_sha256", "sparsity", "macs_after_removal")},
        "state": state,
        "num_images": {split: given.shape[1] for split, given in logits.items()},
        "accuracy": accuracy,
        "macs": [row[0] if len(row) == 1 else sum(row) / len(row) for row in shown.tolist()],
        **{key: [cost[key] for cost in header["exits"]] for key in ("macs_dense", "params", "params_dense")},
        "emptied": emptied_counts(header["dead_channels"], header["branches"]),
        "calibration": _calibrations(state, logits, labels),
    }


def layer_entries(header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every prunable layer in order of execution, as `records.Layer` has it."""
    return [
        {"layer": layer["name"], "group": group_of(layer["name"]), "weights": layer["weights"], "kept": layer["kept"]}
        for layer in header["layers"]
    ]


def emptied_counts(dead: list[dict[str, Any]], branches: list[list[str]] | None) -> dict[str, int | None]:
    """What has no weight left, counted over all layers.

    Args:
        dead: of every layer, as `dead_channels` tells.
        branches: the layers of each branch, which adds nothing but a constant if one of them is empty; None: not known, as the
            network cannot be taken apart.
    """
    layers = {layer["name"]: layer for layer in dead}
    counts: dict[str, int | None] = {what: sum(layer[what] for layer in dead) for what in EMPTIABLE}
    empty = {name for name, layer in layers.items() if layer["empty_filters"] == layer["filters"]}
    counts["branches"] = None if branches is None else len(branches)
    counts["empty_branches"] = None if branches is None else sum(not empty.isdisjoint(branch) for branch in branches)
    return counts


def _calibrations(state: State, logits: Mapping[str, Tensor], labels: Mapping[str, Tensor]) -> list[dict[str, Any]]:
    """On the sample as it is; where all images are there, on test too, as it is and with temperatures fitted on validation."""
    ones = [1.0] * len(logits[SAMPLE])
    wanted = [(SAMPLE, "none", ones)]
    if state in SWEPT:
        fitted = fit_temperatures(logits["validation"], labels["validation"])
        wanted = [("test", "none", ones), ("test", "temperature", fitted), *wanted]
    return [
        {"split": split, "scaling": scaling, **calibration(logits[split], labels[split], temperatures)}
        for split, scaling, temperatures in wanted
    ]
