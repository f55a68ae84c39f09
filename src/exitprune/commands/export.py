"""Export a level as one ONNX file that exits early, with a model card beside it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from exitprune.data.images import load_manifest, load_split
from exitprune.deployment.extras import extra
from exitprune.deployment.folding import fold
from exitprune.deployment.latency import exit_milliseconds
from exitprune.deployment.model_card import Measured, exit_table, metadata_of, model_card
from exitprune.deployment.onnx_export import OPSET, build_model
from exitprune.deployment.onnx_stages import write_stages
from exitprune.deployment.removal import remove_emptied
from exitprune.errors import BadInput
from exitprune.evaluation.calibration import fit_temperatures, scaled
from exitprune.evaluation.logits import infer
from exitprune.evaluation.operating_points import Costs, OperatingPoint, Rule, operating_points
from exitprune.networks.checkpoints import Checkpoint, load_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.storage import write_bytes, write_json


def main(
    checkpoint: Annotated[Path, typer.Argument(help="A level or recovered checkpoint, .safetensors.")],
    out: Annotated[Path, typer.Option(help="Folder for model.onnx and model-card.json.", file_okay=False)],
    data: Annotated[
        Path | None,
        typer.Option(help="data.safetensors of the study, to measure accuracy; default: looked for above CHECKPOINT."),
    ] = None,
    accuracy_lost: Annotated[
        float, typer.Option(min=0, max=1, help="Operating point: give up at most this much accuracy (a fraction).")
    ] = 0.01,
    macs_share: Annotated[
        float, typer.Option(min=0, max=1, help="Operating point: at most this share of the MACs.")
    ] = 0.5,
    milliseconds: Annotated[
        float | None, typer.Option(min=0, help="Operating point: at most so many per image; times every exit here.")
    ] = None,
    temperatures: Annotated[
        bool, typer.Option("--temperatures", help="Calibrate every exit by a temperature fitted on validation.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads, for timing too.")] = 1,
    form: Annotated[
        Literal["whole", "stages"],
        typer.Option(
            help="stages: also one file per exit, for runtimes that cannot let images leave (docs/deploy.md)."
        ),
    ] = "whole",
    batch: Annotated[int | None, typer.Option(min=1, help="Images a stage takes at once; default: any number.")] = None,
) -> None:
    """Write DIR/model.onnx and DIR/model-card.json.

    Batch norm is folded and what pruning emptied is taken out exactly. Accuracy is measured on the network as exported;
    thresholds are chosen on validation and reported on test.
    """
    onnx = extra("onnx")
    torch.set_num_threads(threads)
    level = _with_normalisation(checkpoint, load_checkpoint(checkpoint))
    network = remove_emptied(fold(level.network))
    mean, std = level.header["mean"], level.header["std"]
    source = _data_of(checkpoint, level, data)
    if batch is not None and form != "stages":
        raise BadInput(f"--batch {batch}: only stages have a batch of their own; give --form stages with it")
    if source is None and (temperatures or milliseconds is not None):
        raise BadInput(f"{checkpoint}: no data.safetensors above it; --temperatures and --milliseconds need --data")

    measured = {} if source is None else _measure(network, source)
    fitted = [1.0] * network.num_exits
    if temperatures:
        fitted = fit_temperatures(measured["validation"].logits, measured["validation"].labels)
        measured = {name: Measured(scaled(part.logits, fitted), part.labels) for name, part in measured.items()}
    timed, rules = None, [Rule("accuracy_lost", accuracy_lost), Rule("macs_share", macs_share)]
    if source is not None and milliseconds is not None:
        timed = exit_milliseconds(network, mean, std, load_split(source, "validation").pixels[:1].numpy(), threads)
        rules.append(Rule("milliseconds", milliseconds))
    exits = exit_table(level, network, fitted, timed, measured)
    points = _points(rules, measured, Costs(torch.tensor([[row["macs"]] for row in exits]), timed))

    metadata = metadata_of(level, exits, points)
    built = build_model(network, mean, std, fitted, metadata)
    path, model = out / "model.onnx", built.SerializeToString()
    write_bytes(path, model)
    about: dict[str, Any] = {
        "file": path.name,
        "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
        "opset": OPSET,
    }
    if form == "stages":
        about["stages"] = write_stages(built, out / "stages", batch, metadata)
    origin = {"checkpoint": checkpoint.name, "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest()}
    made_with = {"threads": threads, "torch": torch.__version__, "onnx": onnx.__version__}
    manifest = None if source is None else load_manifest(source)
    write_json(out / "model-card.json", model_card(level, exits, points, about, manifest, {**origin, **made_with}))
    _say(path, rules, points, source)


def _with_normalisation(path: Path, level: Checkpoint) -> Checkpoint:
    missing = [key for key in ("classes", "mean", "std") if key not in level.header]
    if missing:
        raise BadInput(f"{path}: its header lacks {', '.join(missing)}; give a level that the study's stages wrote")
    return level


def _data_of(checkpoint: Path, level: Checkpoint, given: Path | None) -> Path | None:
    """The images the level was trained on: the file given, else the nearest one above the checkpoint, if any.

    Raises:
        BadInput: if the file holds other images.
    """
    above = (folder / "data.safetensors" for folder in checkpoint.resolve().parents)
    path = given or next((path for path in above if path.is_file()), None)
    if path is not None and load_manifest(path)["sha256"] != level.header.get("data"):
        raise BadInput(f"{path}: not the images that {checkpoint} was trained on; give the study's own with --data")
    return path


def _measure(network: EarlyExitNetwork, source: Path) -> dict[str, Measured]:
    """Logits of the network as exported, and labels, of validation and test."""
    parts = {}
    for name in ("validation", "test"):
        images = load_split(source, name)
        parts[name] = Measured(infer(network, images), images.labels)
    return parts


def _points(rules: list[Rule], measured: dict[str, Measured], costs: Costs) -> list[OperatingPoint]:
    if not measured:
        return []
    validation, test = measured["validation"], measured["test"]
    return operating_points(rules, (validation.logits, validation.labels), (test.logits, test.labels), costs)


def _say(path: Path, rules: list[Rule], points: list[OperatingPoint], source: Path | None) -> None:
    typer.echo(f"{path} and model-card.json beside it")
    if source is None:
        typer.echo("no data.safetensors above the checkpoint: the card has no accuracies and no operating points")
        return
    found: dict[str, Any] = {point.rule: point for point in points}
    for rule in rules:
        if rule.name not in found:
            typer.echo(f"  {rule.name}: no threshold keeps this on validation")
            continue
        point = found[rule.name]
        typer.echo(
            f"  {rule.name}: threshold {point.threshold:.6g}, test accuracy {point.test.accuracy:.4f}, "
            f"{point.test.average_macs:,.0f} MACs per image"
        )
