"""The model card: what an exported model is, how well it does at each exit, and where it comes from.

A dict for JSON; the part a program needs to use the model (`metadata_of`) goes into the model file too. Nothing here is
typed in: what was not measured is null.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from exitprune.errors import BadInput
from exitprune.evaluation.calibration import Temperature, calibration_error
from exitprune.evaluation.exiting import confidence_of
from exitprune.evaluation.operating_points import OperatingPoint
from exitprune.networks.checkpoints import Checkpoint
from exitprune.networks.cost import exit_costs
from exitprune.networks.dead_channels import dead_channels
from exitprune.networks.early_exit import EarlyExitNetwork, Group
from exitprune.networks.masks import full_masks, sparsity

FORMAT = 1
ABOUT = ("seed", "recipe", "name", "level", "prune", "train", "key", "settings")


@dataclass(frozen=True)
class Measured:
    """Logits of every exit, scaled by their temperature, with labels."""

    logits: Tensor
    """(E, N, K)."""
    labels: Tensor
    """(N,)."""


def with_normalisation(path: Path, level: Checkpoint) -> Checkpoint:
    """The level again, if it says how images are normalised and what classes are called.

    Raises:
        BadInput: if it does not.
    """
    missing = [key for key in ("classes", "mean", "std") if key not in level.header]
    if missing:
        raise BadInput(f"{path}: its header lacks {', '.join(missing)}; give a level that the study's stages wrote")
    return level


def exit_table(
    checkpoint: Checkpoint,
    smaller: EarlyExitNetwork,
    temperatures: Sequence[float],
    tried: Sequence[Temperature] | None,
    milliseconds: Sequence[float] | None,
    measured: Mapping[str, Measured],
) -> list[dict[str, Any]]:
    """One row per exit: where it is, what leaving there costs, and how good it is on each split.

    `macs` leaves zero weights out, as the study counts; `macs_executed` is what dense kernels still compute after exact
    removal; `macs_dense` is the unpruned network.

    Args:
        checkpoint: the level that was exported.
        smaller: its network after exact removal.
        temperatures: one per exit, as applied.
        tried: one per exit, where they were asked for.
        milliseconds: per image and exit, if measured.
        measured: by split; may be empty.
    """
    executed = exit_costs(smaller, full_masks(smaller))
    blocks = [*checkpoint.network.spec.exits, checkpoint.network.base.last]
    rows = []
    for cost, dense in zip(exit_costs(checkpoint.network, checkpoint.masks), executed, strict=True):
        row: dict[str, Any] = {"exit": cost.exit, "after_block": blocks[cost.exit], "macs": cost.macs}
        row |= {"macs_executed": dense.macs, "macs_dense": cost.macs_dense, "params": cost.params}
        row |= {"params_dense": cost.params_dense, "temperature": temperatures[cost.exit]}
        row["temperature_tried"] = None if tried is None else asdict(tried[cost.exit])
        row["milliseconds"] = None if milliseconds is None else milliseconds[cost.exit]
        for split in ("validation", "test"):
            row[split] = _quality(measured[split], cost.exit) if split in measured else None
        rows.append(row)
    return rows


def _quality(measured: Measured, exit_: int) -> dict[str, Any]:
    logits = measured.logits[exit_]
    correct = logits.argmax(dim=-1) == measured.labels
    return {
        "num_images": len(correct),
        "accuracy": float(correct.double().mean()),
        "calibration_error": calibration_error(confidence_of(logits), correct),
    }


def metadata_of(
    checkpoint: Checkpoint, exits: list[dict[str, Any]], points: Sequence[OperatingPoint], chosen: str
) -> dict[str, Any]:
    """What a program needs to use the model file by itself: class names, the cost table, thresholds worth using.

    `chosen` is the operating point to use unless another is named.
    """
    costs = ("exit", "macs", "macs_executed", "macs_dense", "params", "params_dense", "milliseconds")
    return {
        "classes": checkpoint.header["classes"],
        "exits": [{key: row[key] for key in costs} for row in exits],
        "operating_points": [{"rule": point.rule, "threshold": point.threshold} for point in points],
        "chosen": chosen,
        "resized": bool(checkpoint.header.get("resized")),
    }


def model_card(
    checkpoint: Checkpoint,
    exits: list[dict[str, Any]],
    points: Sequence[OperatingPoint],
    chosen: str,
    model: Mapping[str, Any],
    data: Mapping[str, Any] | None,
    provenance: Mapping[str, Any],
    warnings: Sequence[str],
) -> dict[str, Any]:
    """Everything there is to say.

    Args:
        checkpoint: the level that was exported.
        exits: from `exit_table`.
        points: operating points, chosen on validation.
        chosen: the one to use unless another is named.
        model: the model file: name, bytes, sha256 and so on.
        data: the manifest of the images, if they were there.
        provenance: where it comes from: the checkpoint's file and digest, versions.
        warnings: what whoever uses the model must know, in sentences.
    """
    network, masks, header = checkpoint.network, checkpoint.masks, checkpoint.header
    groups: dict[Group, list[str]] = {group: list(network.named_layers(group)) for group in ("all", "base", "exits")}
    return {
        "format": FORMAT,
        "model": dict(model),
        **{key: header.get(key) for key in ABOUT},
        "network": network.spec.as_dict(),
        "data": {"sha256": header.get("data"), "classes": header["classes"], "manifest": data},
        "normalisation": {"mean": header["mean"], "std": header["std"]},
        "sparsity": {group: sparsity(masks, layers) for group, layers in groups.items() if layers},
        "dead_channels": [asdict(row) for row in dead_channels(network)],
        "exits": exits,
        "operating_points": [asdict(point) for point in points],
        "chosen": chosen,
        "warnings": list(warnings),
        "provenance": dict(provenance),
    }
