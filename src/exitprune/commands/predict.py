"""Classify images with an exported model."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from exitprune.deployment.predict import Model, Prediction
from exitprune.errors import BadInput


def main(
    model: Annotated[Path, typer.Argument(help="model.onnx, as `exitprune export` wrote it.")],
    images: Annotated[list[Path], typer.Argument(help="Image files of the size the model takes.")],
    threshold: Annotated[
        float | None, typer.Option(help="Leave where the confidence exceeds this; 1: nobody leaves early.")
    ] = None,
    operating_point: Annotated[
        str | None, typer.Option(help="Use the threshold of this operating point of the model; default: its first.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print class, confidence, exit taken, MACs and milliseconds of each image."""
    if threshold is not None and operating_point is not None:
        raise BadInput("--threshold and --operating-point were both given; give one")
    loaded = Model(model, threads)
    used = loaded.threshold_of(operating_point) if threshold is None else threshold
    predictions = loaded.predict(images, used)
    if as_json:
        typer.echo(json.dumps({"threshold": used, "images": [asdict(one) for one in predictions]}, indent=1))
        return
    typer.echo(table(predictions))


def table(predictions: list[Prediction]) -> str:
    """One line per image under a heading; exits count from 0."""
    heading = ("image", "class", "confidence", "exit", "MACs", "milliseconds")
    lines = [
        (one.image, one.label, f"{one.confidence:.4f}", f"{one.exit}", f"{one.macs:,}", f"{one.milliseconds:.2f}")
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
