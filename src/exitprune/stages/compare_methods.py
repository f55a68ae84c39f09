"""Records of studies of methods to two tables, one figure, and what they say in a word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.config.evaluate import Evaluate
from exitprune.config.section import Section
from exitprune.errors import BadInput
from exitprune.evaluation.methods import differences, headline, means, runs
from exitprune.evaluation.records import read_about
from exitprune.reporting.figures._style import save, theme
from exitprune.reporting.methods import CAPTION, TITLE, draw
from exitprune.storage import write_bytes, write_json


class Settings(Section):
    """What is said depends on beside the records."""

    evaluate: Evaluate


def main(
    settings: Annotated[str, Option()],
    record: Annotated[list[Path], Option()],
    out: Annotated[Path, Option()],
) -> None:
    """Write methods.csv and joint_minus_sequential.csv, the figure methods.svg and .png, and what they say, last.

    Args:
        settings: JSON, see `Settings`.
        record: folder of the record of every seed and recipe, of all studies; recipes are called METHOD-ORDER.
        out: methods.json: methods by the order that is better for their classifier.

    Raises:
        BadInput: if records are of different images or networks.
    """
    confidence = Settings.model_validate_json(settings).evaluate.confidence_level
    abouts = [read_about(folder) for folder in record]
    for folder, about in zip(record, abouts, strict=True):
        if (about.data["sha256"], about.blocks) != (abouts[0].data["sha256"], abouts[0].blocks):
            raise BadInput(f"{folder}: of other images or exits than {record[0]}, so the two cannot be compared")
    table = runs(abouts)
    mean, gains = means(table), differences(table, confidence)
    for name, made in (("methods", mean), ("joint_minus_sequential", gains)):
        write_bytes(out.with_name(f"{name}.csv"), made.to_csv(index=False, float_format="%.8g").encode())
    with theme("methods"):
        save(draw(mean, gains), out.with_suffix(".svg"), out.with_suffix(".png"), TITLE, CAPTION)
    write_json(out, headline(gains))
