"""What an exported network does on the images of its study: logits, operating points, and what its user must be told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from exitprune.data.chance import warning_of_chance
from exitprune.data.images import load_manifest, load_split
from exitprune.deployment.int8 import calibration_images, logits_of, quantised
from exitprune.deployment.model_card import Measured
from exitprune.errors import BadInput
from exitprune.evaluation.calibration import Temperature
from exitprune.evaluation.logits import infer
from exitprune.evaluation.operating_points import Costs, OperatingPoint, Rule, operating_points
from exitprune.networks.checkpoints import Checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork


def data_of(checkpoint: Path, level: Checkpoint, given: Path | None) -> Path | None:
    """The images the level was trained on: the file given, else the nearest one above the checkpoint, if any.

    Raises:
        BadInput: if the file holds other images.
    """
    above = (folder / "data.safetensors" for folder in checkpoint.resolve().parents)
    path = given or next((path for path in above if path.is_file() and _is_ours(path)), None)
    if path is not None and load_manifest(path)["sha256"] != level.header.get("data"):
        raise BadInput(f"{path}: not the images that {checkpoint} was trained on; give the study's own with --data")
    return path


def _is_ours(path: Path) -> bool:
    try:
        load_manifest(path)
    except BadInput:
        return False
    return True


def quantising(checkpoint: Path, source: Path | None, alone: bool) -> tuple[Callable[[Any], Any], int]:
    """What makes eight bits of a model, and on how many images it is calibrated.

    Raises:
        BadInput: if there are none, or another form is asked for too.
    """
    if source is None:
        raise BadInput(f"{checkpoint}: no data.safetensors above it to calibrate --int8 with; give --data")
    if not alone:
        raise BadInput("--int8: is of the whole model.onnx alone; leave out --sparse and --form stages")
    images = calibration_images(load_split(source, "validation").pixels.numpy())
    return partial(quantised, pixels=images), len(images)


def measure(network: EarlyExitNetwork, source: Path, in_int8: Any, num_threads: int) -> dict[str, Measured]:
    """Logits and labels of validation and test images, by split.

    Args:
        network: as exported.
        source: data.safetensors.
        in_int8: its model in eight bits, which answers instead; None: there is none.
        num_threads: for that model.
    """
    parts = {}
    for name in ("validation", "test"):
        images = load_split(source, name)
        if in_int8 is None:
            logits = infer(network, images)
        else:
            logits = logits_of(in_int8, images.pixels.numpy(), network.num_exits, num_threads)
        parts[name] = Measured(logits, images.labels)
    return parts


def points_of(rules: list[Rule], measured: dict[str, Measured], costs: Costs) -> list[OperatingPoint]:
    """Thresholds chosen on validation images by each rule that can be kept, with what they give on test images.

    Args:
        rules: one per point.
        measured: what `measure` gave; empty: there are no images, and no points.
        costs: of each exit.
    """
    if not measured:
        return []
    validation, test = measured["validation"], measured["test"]
    return operating_points(rules, (validation.logits, validation.labels), (test.logits, test.labels), costs)


def warnings_of(measured: dict[str, Measured], tried: list[Temperature] | None) -> list[str]:
    """What whoever uses the model must know: that it guesses, or that a temperature was not applied."""
    found = []
    for exit_, one in enumerate(tried or []):
        if not one.helps:
            found.append(
                f"exit {exit_}: no temperature applied: the one fitted, {one.fitted:.3g}, leaves the calibration error of "
                f"held-out validation images at {one.error_with:.4f}, without it {one.error_without:.4f}"
            )
    if measured:
        test = measured["test"]
        accuracy = float((test.logits[-1].argmax(-1) == test.labels).double().mean())
        found += filter(None, [warning_of_chance(accuracy, test.labels, "this network")])
    return found
