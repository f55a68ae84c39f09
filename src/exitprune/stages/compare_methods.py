"""Records of studies of methods to three tables, a figure for each share, a page, and what they say in a word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from typer import Option

from exitprune.config.evaluate import Evaluate
from exitprune.config.section import Section
from exitprune.errors import BadInput
from exitprune.evaluation.method_gaps import missing
from exitprune.evaluation.methods import MEASURES, differences, headline, means, runs
from exitprune.evaluation.record_reading import read_about, read_record
from exitprune.evaluation.records import FILE, About
from exitprune.origin.environment import environment, merged, remote
from exitprune.origin.ingredients import other_setting
from exitprune.reporting import method_costs
from exitprune.reporting.about import data_name
from exitprune.reporting.drawing import save, theme
from exitprune.reporting.method_tables import accuracies, labels, unpruned
from exitprune.reporting.method_words import Method, methods_of
from exitprune.reporting.methods import AS_LONG, BEFORE, CAPTION, alt, draw, title
from exitprune.reporting.methods_page import render
from exitprune.reporting.page import Picture
from exitprune.storage import write_bytes, write_json


class Settings(Section):
    """What is said depends on beside the records."""

    evaluate: Evaluate


def main(
    settings: Annotated[str, Option()],
    record: Annotated[list[Path], Option()],
    out: Annotated[Path, Option()],
    dense: Annotated[list[Path], Option()] = [],  # noqa: B006 (typer reads it, nobody changes it)
) -> None:
    """Write three tables, a figure of cost and one per share, methods.html, and last what they say.

    Args:
        settings: JSON, see `Settings`.
        record: folder of the record of every seed and recipe, of all studies; those that are not there are told of. Recipes are
            called METHOD-ORDER.
        out: methods.json: methods by the order that is better for their classifier and for their early exits; what is missing.
        dense: the same of the network with nothing pruned, at as many epochs.

    Raises:
        BadInput: if there is no record, or records are of different images, networks or settings.
    """
    confidence = Settings.model_validate_json(settings).evaluate.confidence_level
    there = [folder for folder in record if (folder / FILE).is_file()]
    if not there:
        raise BadInput(
            f"none of {len(record)} records is there, such as {record[0]}; snakemake -- methods computes them"
        )
    whole = [folder for folder in dense if (folder / FILE).is_file()]
    records = [read_record(folder) for folder in there]
    abouts, whole_abouts = [one.about for one in records], [read_about(folder) for folder in whole]
    _check_comparable([*there, *whole], [*abouts, *whole_abouts])
    each, methods = runs(abouts), methods_of(abouts)
    mean, gains = means(each), differences(records, confidence)
    gains.insert(2, "when", [methods[name].when for name in gains["method"]])
    for name, made in (("runs", each), ("methods", mean), ("joint_minus_sequential", gains)):
        write_bytes(out.with_name(f"{name}.csv"), made.to_csv(index=False, float_format="%.8g").encode())
    gaps = missing([*record, *dense], [*there, *whole])
    baselines = {BEFORE: unpruned(each), **({AS_LONG: accuracies(whole_abouts)} if whole else {})}
    name = data_name(abouts[0].data)
    pictures = [
        _by_cost(out, name, mean, baselines),
        *(_picture(out, gone, name, mean, gains, methods, baselines) for gone in sorted(mean["gone"].unique())),
    ]
    origin = merged([about.origin.model_dump() for about in abouts])
    page = render(
        each, mean, gains, methods, baselines, pictures, gaps, abouts, confidence, origin, environment(), remote()
    )
    write_bytes(out.with_suffix(".html"), page.encode())
    write_json(out, {**{measure: headline(gains, measure) for measure in MEASURES}, "missing": gaps})


def _check_comparable(folders: list[Path], abouts: list[About]) -> None:
    """Refuse records that cannot stand in one table: of other images or exits, or of one recipe made in two ways."""
    made_of: dict[tuple[str, str], tuple[Path, dict[str, Any]]] = {}
    for folder, about in zip(folders, abouts, strict=True):
        if (about.data["sha256"], about.blocks) != (abouts[0].data["sha256"], abouts[0].blocks):
            raise BadInput(f"{folder}: of other images or exits than {folders[0]}, so the two cannot be compared")
        first, settings = made_of.setdefault((about.study, about.recipe), (folder, about.made_of.settings))
        if other_setting(settings, about.made_of.settings):
            raise BadInput(
                f"{folder}: made of other settings than {first}; compute one of the two anew, or move it away"
            )


def _by_cost(out: Path, data: str, mean: pd.DataFrame, baselines: dict[str, dict[str, float]]) -> Picture:
    name, called = "methods-cost", method_costs.title(data)
    svg = out.with_name(f"{name}.svg")
    with theme(name):
        save(method_costs.draw(mean, baselines), svg, svg.with_suffix(".png"), called, method_costs.CAPTION)
    return Picture(name, called, method_costs.CAPTION, method_costs.alt(mean), svg.read_bytes(), "", ("methods",))


def _picture(
    out: Path,
    gone: float,
    data: str,
    mean: pd.DataFrame,
    gains: pd.DataFrame,
    methods: dict[str, Method],
    baselines: dict[str, dict[str, float]],
) -> Picture:
    mine, ours = mean[mean["gone"] == gone], gains[gains["gone"] == gone]
    name, called = f"methods-{100 * gone:g}", title(gone, data)
    svg = out.with_name(f"{name}.svg")
    with theme(name):
        save(draw(mine, ours, methods, baselines, labels(mine)), svg, svg.with_suffix(".png"), called, CAPTION)
    return Picture(name, called, CAPTION, alt(mine, ours), svg.read_bytes(), "", ("methods", "joint_minus_sequential"))
