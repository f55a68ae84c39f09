"""Measured inference of a study's networks: what exits, pruning and both save in milliseconds, against plain rivals.

Writes inference.csv, which the workflow draws and reports, into the results of the study and of its filter study. Beside it go
exit_times.csv and what networks in eight bits do with each image, for `exitprune choose`, and inference_overhead.csv. Warm-up
first; then every network and threshold in turn, several times; medians count.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
import yaml
from typer import Argument, Option, run

from benchmarks.inference.clock import exits_of, measure
from benchmarks.inference.networks import RECIPE, Subject, load_splits, made, shuffle, subject
from benchmarks.inference.overhead import split_overhead
from exitprune.config.model import NamedSettings
from exitprune.config.params import Params
from exitprune.config.study import resolve
from exitprune.data.images import Images
from exitprune.deployment.energy import NOT_MEASURED, counters
from exitprune.deployment.measured_times import NOBODY, WITHIN
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import outcomes_of
from exitprune.evaluation.record_reading import read_about
from exitprune.evaluation.records import SWEPT, Outcomes, name_of, write_int8
from exitprune.jobs.compute import obstacle_to_compiling

BATCHES = (1, 8, 64, 256)
MAIN = [(runtime, 64, 1) for runtime in ("onnxruntime", "int8", "sparse")]
"""Runtime, batch size and threads that every seed is measured at; the others with the first seed alone."""
QUICK = [*MAIN, *((runtime, 1, 1) for runtime, _, _ in MAIN)]
BY_EXIT = QUICK
"""At which every exit is timed too."""
SPLIT = (NOBODY, WITHIN, "share 0.5")
"""Thresholds whose time is split up."""
COMPILED_AT = [(64, 1)]
"""Batch sizes and threads at which compiled blocks are timed: compiling takes minutes."""


def main(
    study: Annotated[str, Argument()] = "digits",
    turns: Annotated[int, Option(min=1)] = 5,
    compiled: Annotated[
        bool, Option(help="Time compiled blocks too: needs a C++ compiler, and minutes for compiling.")
    ] = True,
    quick: Annotated[
        bool,
        Option(
            "--quick", help="Only onnxruntime and sparse kernels, batches of 64 and of 1, one thread. Earlier times go."
        ),
    ] = False,
    check: Annotated[bool, Option("--check", help="Only see whether the study can be timed.")] = False,
) -> None:
    """Measure on this machine."""
    params, filters = checked(study)
    if compiled and not quick and (obstacle := obstacle_to_compiling()):
        raise BadInput(
            f"compiled blocks need a C++ compiler and {obstacle}: mend that, or leave them out with"
            " make bench-inference OPTIONS=--no-compiled"
        )
    if check:
        return
    print(f"energy: {', '.join(one.name for one in counters()) or NOT_MEASURED}", flush=True)
    splits = load_splits(study)
    images = splits["test"]
    folder = Path("results", study)
    partial = folder / "inference.partial.csv"  # unfinished times are kept, and not drawn
    rows: list[dict[str, Any]] = []
    exit_rows: list[dict[str, Any]] = []
    first: list[Subject] = []
    for seed in params.seeds:
        networks = made(params, filters, seed)
        timed = [subject(name, seed, one, splits) for name, one in networks.items()]
        for name, one in networks.items():
            print(f"seed {seed}, {name}: in eight bits", flush=True)
            timed.append(subject(f"{name}, int8", seed, one, splits, in_int8=True))
            keep(timed[-1], folder / "seeds", splits)
        is_first = seed == params.seeds[0]
        for runtime, batch, threads in settings(is_first and not quick, is_first and quick, compiled):
            print(f"seed {seed}, {runtime}, batches of {batch}, {threads} threads", flush=True)
            able = [one for one in timed if (one.model is not None) == (runtime == "int8")]
            rows += measure(able, images, runtime, batch, threads, turns)
            write(rows, partial)
            if (runtime, batch, threads) in BY_EXIT:
                exit_rows += exits_of(able, networks, splits, runtime, batch, threads, turns)
        first = first or timed
    if filters:
        beside = Path("results", filters.study)
        beside.mkdir(parents=True, exist_ok=True)
        shutil.copy(partial, beside / "inference.csv")
    write(exit_rows, folder / "exit_times.csv")
    partial.replace(folder / "inference.csv")
    if quick:
        return
    torch.set_num_threads(1)
    exact = [network for network in first if network.model is None and len(network.points) > 1]
    chosen = [(network, point) for network in exact for point in network.points]
    overhead = [split_overhead(network, point, images, 64) for network, point in chosen if point.choice in SPLIT]
    write(overhead, folder / "inference_overhead.csv")


def write(rows: list[dict[str, Any]], path: Path) -> None:
    """As a CSV file."""
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.6g")


def keep(network: Subject, records: Path, splits: dict[str, Images]) -> None:
    """What a network in eight bits does with each image, beside the record of the same network in float32, if there is one."""
    folders = sorted(records.glob(f"{network.seed}-*"), key=lambda one: one.name != name_of(network.seed, RECIPE))
    for folder in folders:  # recipes share the unpruned network
        for level in read_about(folder).levels:
            if level.weights_sha256 == network.sha256 and level.state in SWEPT:
                outcomes = {}
                for split, images in splits.items():
                    logits = network.logits[split]
                    macs = torch.tensor(level.macs)[:, None]
                    outcomes[split] = outcomes_of(logits, images.labels, macs)
                outcomes["test"] = in_order(outcomes["test"])
                write_int8(folder, network.sha256, outcomes)
                return


def in_order(outcomes: Outcomes) -> Outcomes:
    """Of shuffled images, as they were before."""
    order = shuffle(outcomes.correct.shape[1]).numpy()
    back = np.argsort(order)
    confidence, correct = (
        np.ascontiguousarray(outcomes.confidence[:, back]),
        np.ascontiguousarray(outcomes.correct[:, back]),
    )
    return Outcomes(confidence, correct, outcomes.macs)


def checked(study: str) -> tuple[Params, Params | None]:
    """The parameters of a study that can be timed, and of the filter study beside it if there is one.

    Raises:
        BadInput: if its network is not made of blocks, or one of the two prunes something else than its name says.
    """
    values = yaml.safe_load(Path("params.yaml").read_text())
    params = resolve({**values, "study": study}, Path("presets"))
    if isinstance(params.model.own, NamedSettings):
        raise BadInput(
            f"{study}: {params.model.own.title} is not made of blocks in a row, which is how exits and runtimes are timed "
            "one by one; exitprune export CHECKPOINT --milliseconds N times the exits of one file"
        )
    beside = f"{study}-filter"
    filters = None
    if Path("presets", f"{beside}.yaml").exists():
        filters = resolve({**values, "study": beside}, Path("presets"))
    for one, wanted in ((params, "weight"), *([(filters, "filter or another but weight")] if filters else [])):
        is_named_right = (one.granularity.name == "weight") == (wanted == "weight")
        if not is_named_right or RECIPE not in one.recipes or one.seeds != params.seeds:
            raise BadInput(
                f"{one.study}: to be timed it needs granularity {wanted}, the recipe {RECIPE} and the seeds of {study}"
            )
    return params, filters


def settings(everything: bool, quick: bool, compiled: bool) -> list[tuple[str, int, int]]:
    """Runtime, batch size and threads, in the order they are measured."""
    if not everything:
        return QUICK if quick else MAIN
    grid = [
        (runtime, batch, threads)
        for runtime in ("eager", "onnxruntime", "int8", "sparse")
        for threads in sorted({1, os.cpu_count() or 1})
        for batch in BATCHES
    ]
    return grid + [("compiled", *at) for at in COMPILED_AT if compiled]


if __name__ == "__main__":
    try:
        run(main)
    except BadInput as error:
        sys.exit(str(error))
