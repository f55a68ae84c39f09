"""Export a level as one ONNX file that exits early, with a model card beside it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from exitprune.data.images import load_manifest, load_split
from exitprune.deployment.earlier_export import CARD, MODEL, SPARSE, card_there, said_of
from exitprune.deployment.export_on_images import data_of, measure, points_of, quantising, warnings_of
from exitprune.deployment.extras import extra
from exitprune.deployment.filter_removal import smallest
from exitprune.deployment.latency import exit_milliseconds
from exitprune.deployment.model_card import Measured, exit_table, metadata_of, model_card, with_normalisation
from exitprune.deployment.onnx_export import OPSET, build_model
from exitprune.deployment.onnx_stages import write_stages
from exitprune.deployment.options import check_finite, check_threshold
from exitprune.deployment.seal import sealed
from exitprune.deployment.sparse.from_network import steps_of
from exitprune.deployment.sparse.machine import CannotRun
from exitprune.deployment.sparse.saved import to_bytes
from exitprune.errors import BadInput
from exitprune.evaluation.calibration import scaled, tried_temperatures
from exitprune.evaluation.operating_points import Costs, OperatingPoint, Rule
from exitprune.jobs.cores import check_threads
from exitprune.networks.architectures import Blocks
from exitprune.networks.checkpoints import Checkpoint, load_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.fewer_exits import keep_exits
from exitprune.storage import write_bytes, write_json


def main(
    checkpoint: Annotated[Path, typer.Argument(help="A level or recovered checkpoint, .safetensors.")],
    out: Annotated[Path, typer.Option(help="Folder for model.onnx and model-card.json.", file_okay=False)],
    data: Annotated[
        Path | None,
        typer.Option(help="data.safetensors of the study, to measure accuracy; default: looked for above CHECKPOINT."),
    ] = None,
    accuracy_lost: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Operating point: give up at most this much accuracy (a fraction).  [default: 0.01]"
        ),
    ] = None,
    macs_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Operating point: at most this share of the MACs, on average.  [default: 0.5]"),
    ] = None,
    milliseconds: Annotated[
        float | None,
        typer.Option(min=0, help="Operating point: at most so many per image, on average; times every exit here."),
    ] = None,
    percentage: Annotated[
        float | None,
        typer.Option(
            min=0, max=100, help="Hold --milliseconds for this percentage of the images, not for their average."
        ),
    ] = None,
    kept: Annotated[
        str | None,
        typer.Option("--exits", help="Early exits to keep, such as 0,2, or none; the others go.  [default: all]"),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Operating point: this threshold, such as `exitprune choose` gives.")
    ] = None,
    temperatures: Annotated[
        bool, typer.Option("--temperatures", help="Calibrate by temperatures fitted on validation, where that helps.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads, for timing too; at most the machine's cores.")] = 1,
    form: Annotated[
        Literal["whole", "stages"],
        typer.Option(
            help="stages: also one file per exit, for runtimes that cannot let images leave (docs/deploy.md)."
        ),
    ] = "whole",
    batch: Annotated[int | None, typer.Option(min=1, help="Images a stage takes at once; default: any number.")] = None,
    sparse: Annotated[
        bool, typer.Option("--sparse", help="Also model.sparse, of which only weights that are not zero are computed.")
    ] = False,
    int8: Annotated[
        bool, typer.Option("--int8", help="Weights and activations in eight bits, calibrated on validation images.")
    ] = False,
) -> None:
    """Write DIR/model.onnx and DIR/model-card.json.

    Batch norm is folded and what pruning emptied is taken out exactly. Accuracy is measured on the network as exported;
    thresholds are chosen on validation and reported on test. `exitprune predict` uses the operating point asked for here:
    that of --threshold, else of --milliseconds, else of --macs-share, else of --accuracy-lost.
    """
    onnx = extra("onnx")
    rules, chosen = _rules(accuracy_lost, macs_share, milliseconds, percentage)
    check_threshold(threshold)
    if threshold is not None:
        chosen = Rule("threshold", threshold)
        rules.append(chosen)
    check_threads(threads)
    before = card_there(out)
    torch.set_num_threads(threads)
    level = _with_exits(with_normalisation(checkpoint, load_checkpoint(checkpoint)), kept)
    network = smallest(level.network)
    mean, std = level.header["mean"], level.header["std"]
    source = data_of(checkpoint, level, data)
    if batch is not None and form != "stages":
        raise BadInput(f"--batch {batch}: only stages have a batch of their own; give --form stages with it")
    for option, is_given in (("--form stages", form == "stages"), ("--int8", int8)):
        if is_given and not isinstance(network.base, Blocks):
            raise BadInput(f"{option}: {level.network.spec.own.title} is not made of blocks; leave it out")
    limits = {
        "--temperatures": temperatures or None,
        "--milliseconds": milliseconds,
        "--threshold": threshold,
        "--macs-share": macs_share,
        "--accuracy-lost": accuracy_lost,
    }
    if source is None and (given := [name for name, value in limits.items() if value is not None]):
        raise BadInput(f"{checkpoint}: no data.safetensors above it; {' and '.join(given)} need --data")
    prepare, calibrated_on = quantising(checkpoint, source, alone=not sparse and form == "whole") if int8 else (None, 0)
    in_int8 = prepare and prepare(build_model(network, mean, std))
    measured = {} if source is None else measure(network, source, in_int8, threads)
    applied, tried = [1.0] * network.num_exits, None
    if temperatures:
        tried = tried_temperatures(measured["validation"].logits, measured["validation"].labels)
        applied = [one.fitted if one.helps else 1.0 for one in tried]
        measured = {name: Measured(scaled(part.logits, applied), part.labels) for name, part in measured.items()}
    timed = None
    if source is not None and milliseconds is not None:
        timed = exit_milliseconds(
            network, mean, std, load_split(source, "validation").pixels[:1].numpy(), threads, prepare=prepare
        )
    exits = exit_table(level, network, applied, tried, timed, measured)
    points = points_of(rules, measured, Costs(torch.tensor([[row["macs"]] for row in exits]), timed))
    if measured and chosen.name not in {point.rule for point in points}:
        fastest = f": on average an image takes {timed[0]:.3g} ms at least" if timed else ""
        raise BadInput(f"{chosen.name}: no threshold keeps it on validation images{fastest}; give a larger value")
    warnings = warnings_of(measured, tried)

    metadata = metadata_of(level, exits, points, chosen.name)
    built = build_model(network, mean, std, applied, metadata)
    built = prepare(built) if prepare else built
    path, model = out / MODEL, sealed(built.SerializeToString())
    write_bytes(path, model)
    about: dict[str, Any] = {
        "file": path.name,
        "bytes": len(model),
        "sha256": hashlib.sha256(model).hexdigest(),
        "opset": OPSET,
        "int8": {"calibrated_on": calibrated_on, "onnxruntime": extra("onnxruntime").__version__} if int8 else None,
    }
    if sparse:
        about["sparse"], said = _write_sparse(network, mean, std, applied, metadata, out / SPARSE)
        warnings += said
    if form == "stages":
        about["stages"] = write_stages(built, out / "stages", batch, metadata)
    origin = {"checkpoint": checkpoint.name, "sha256": hashlib.sha256(checkpoint.read_bytes()).hexdigest()}
    if kept is not None:
        origin["exits"] = kept
    made_with = {"threads": threads, "torch": torch.__version__, "onnx": onnx.__version__}
    manifest = None if source is None else load_manifest(source)
    card = model_card(level, exits, points, chosen.name, about, manifest, {**origin, **made_with}, warnings)
    write_json(out / CARD, card)
    beside = f"{SPARSE} and {CARD}" if about.get("sparse") else CARD
    written = {part["file"] for part in [about.get("sparse"), *about.get("stages", [])] if part}
    warnings += said_of(out, before, origin["sha256"], written)
    typer.echo("\n".join([f"{path} and {beside} beside it", *_said(rules, points, chosen, source), *warnings]))


def _rules(
    accuracy_lost: float | None, macs_share: float | None, milliseconds: float | None, percentage: float | None
) -> tuple[list[Rule], Rule]:
    """The rules of the operating points, and the one that was asked for most expressly.

    Raises:
        BadInput: if a limit is not a finite number, or a percentage is given without the limit it is of.
    """
    for name, value in (("accuracy-lost", accuracy_lost), ("macs-share", macs_share), ("milliseconds", milliseconds)):
        check_finite(f"--{name}", value)
    if percentage is not None and (milliseconds is None or not math.isfinite(percentage)):
        raise BadInput(
            "--percentage: is of the images that keep --milliseconds; give that too, and a number from 0 to 100"
        )
    rules = [
        Rule("accuracy_lost", 0.01 if accuracy_lost is None else accuracy_lost),
        Rule("macs_share", 0.5 if macs_share is None else macs_share),
    ]
    if milliseconds is not None:
        rules.append(Rule("milliseconds", milliseconds, percentage))
        return rules, rules[-1]
    return rules, rules[0] if macs_share is None else rules[1]


def _with_exits(level: Checkpoint, wanted: str | None) -> Checkpoint:
    """The level with the early exits that were asked for.

    Raises:
        BadInput: if they are not its own.
    """
    if wanted is None:
        return level
    words = [] if wanted == "none" else wanted.split(",")
    there = [str(number) for number in range(level.network.num_exits - 1)]
    kept = sorted({there.index(word.strip()) for word in words if word.strip() in there})
    if len(kept) != len(words):
        raise BadInput(f"--exits {wanted}: give none, or some of {','.join(there)}, each once, with commas between")
    return keep_exits(level, kept)


def _write_sparse(
    network: EarlyExitNetwork,
    mean: list[float],
    std: list[float],
    temperatures: list[float],
    metadata: dict[str, Any],
    path: Path,
) -> tuple[dict[str, Any] | None, list[str]]:
    """What the card says of the file; or none and a sentence, where there are no kernels for the network."""
    try:
        content = to_bytes(steps_of(network, mean, std, temperatures), metadata)
    except CannotRun as error:
        return None, [f"{path.name} was not written: {error}"]
    write_bytes(path, content)
    return {"file": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}, []


def _said(rules: list[Rule], points: list[OperatingPoint], chosen: Rule, source: Path | None) -> Iterator[str]:
    if source is None:
        yield "no data.safetensors above the checkpoint: the card has no accuracies and no operating points"
        return
    found = {point.rule: point for point in points}
    for rule in rules:
        if rule.name not in found:
            yield f"  {rule.name}: no threshold keeps this on validation"
            continue
        threshold, test = found[rule.name].threshold, found[rule.name].test
        lost = f"{abs(100 * test.accuracy_lost):.1f} points {'below' if test.accuracy_lost >= 0 else 'above'}"
        time = "" if test.milliseconds is None else f", {test.milliseconds:.3g} ms on average"
        yield (
            f"  {rule.name}: threshold {threshold:.6g}, test accuracy {test.accuracy:.4f} ({lost} nobody leaving early), "
            f"{test.average_macs:,.0f} MACs per image{time}{'; predict uses this' if rule == chosen else ''}"
        )
