"""Classify images with an exported model."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from exitprune.deployment.exported_model import ExportedModel, Model
from exitprune.deployment.options import check_finite, check_threshold
from exitprune.deployment.predict import Prediction, find_images, predict, threshold_of
from exitprune.deployment.sparse.loading import DENSE, SUFFIX, opened, opened_beside
from exitprune.errors import BadInput, plain
from exitprune.jobs.cores import check_threads

CELL = 100  # characters of a class name or a path in the table


def main(
    model: Annotated[Path, typer.Argument(help="model.onnx or model.sparse, as `exitprune export` wrote it.")],
    images: Annotated[
        list[Path],
        typer.Argument(help="Image files of the size the model takes, folders of them, or - for one on stdin."),
    ],
    threshold: Annotated[
        float | None, typer.Option(help="Leave where the confidence exceeds this; 1: nobody leaves early.")
    ] = None,
    operating_point: Annotated[
        str | None,
        typer.Option(help="Use the threshold of this operating point of the model; default: the one chosen on export."),
    ] = None,
    runtime: Annotated[
        Literal["onnxruntime", "sparse"],
        typer.Option(help="sparse: zeros are left out; takes the model.sparse beside MODEL (docs/sparse.md)."),
    ] = "onnxruntime",
    threads: Annotated[int, typer.Option(min=1, help="CPU threads, at most the machine's cores.")] = 1,
    seconds: Annotated[
        float, typer.Option(min=0.001, max=86_400, help="Give up on a model that answers no image in this time.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print class, confidence, exit taken, MACs and milliseconds of each image.

    MACs executed are those that ran; MACs of weights leave out the multiplications by zero, which dense kernels do all the
    same, and sparse ones do not.
    """
    if threshold is not None and operating_point is not None:
        raise BadInput("--threshold and --operating-point were both given; give one")
    check_threshold(threshold)
    check_finite("--seconds", seconds)
    check_threads(threads)
    loaded, instead = _opened(model, runtime, threads, seconds)
    if instead is not None:
        typer.echo(instead, err=True)
    point, used = threshold_of(loaded, operating_point) if threshold is None else (None, threshold)
    files, num_passed_over = find_images(images)
    if num_passed_over:
        typer.echo(f"passed over: {num_passed_over} files that are no images by their name", err=True)
    predictions = list(predict(loaded, files, used))
    if as_json:
        about = {"threshold": used, "operating_point": point}
        typer.echo(json.dumps({**about, "images": [asdict(one) for one in predictions]}, indent=1))
        return
    typer.echo(table(predictions))
    if point is not None:
        typer.echo(f"threshold {used:.6g}, of the operating point {plain(point)}", err=True)


def _opened(path: Path, runtime: str, threads: int, seconds: float) -> tuple[Model, str | None]:
    """The model, and a sentence if another runtime than the one asked for runs it, or it may be damaged."""
    if runtime == "sparse" and path.suffix == DENSE:
        return opened_beside(path, threads, seconds)
    if runtime == "sparse" or path.suffix == SUFFIX:
        return opened(path, threads, seconds)
    model = ExportedModel(path, threads, seconds)
    if model.is_sealed:
        return model, None
    return (
        model,
        f"{plain(path)}: has no digest of itself, so nobody can tell whether it is whole; exitprune export writes one",
    )


def table(predictions: list[Prediction]) -> str:
    """One line per image under a heading; exits count from 0."""
    heading = ("image", "class", "confidence", "exit", "MACs executed", "MACs of weights", "milliseconds")
    lines = [
        (
            plain(one.image, CELL),
            plain(one.label, CELL),
            f"{one.confidence:.4f}",
            f"{one.exit}",
            f"{one.macs_executed:,}",
            f"{one.macs:,}",
            f"{one.milliseconds:.2f}",
        )
        for one in predictions
    ]
    widths = [max(len(cell) for cell in column) for column in zip(heading, *lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (heading, *lines)
    )
