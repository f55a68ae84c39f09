"""Say what to deploy under a limit: of all that a study trained, which network, exits and threshold."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from exitprune.commands.study import checkout
from exitprune.config.parameter_file import read_yaml
from exitprune.config.study import checked_name, outline
from exitprune.deployment.measured_times import BY_EXIT, FILE, Row, best_rival, read_rows, read_times
from exitprune.errors import BadInput
from exitprune.evaluation.candidates import Candidate, Network, networks_of
from exitprune.evaluation.deployable import Limit, What, choose
from exitprune.evaluation.exit_times import FLOAT32, Times
from exitprune.evaluation.record_reading import read_own
from exitprune.evaluation.records import FILE as RECORD
from exitprune.evaluation.records import Record
from exitprune.reporting.chosen import UNPRUNED, Chosen, as_text, checkpoint_of, chosen, limit_in_words, missed
from exitprune.reporting.formatting import counted

BATCH, THREADS = 64, 1


def main(
    study: Annotated[str, typer.Argument(help="A study whose records are in results/STUDY/seeds.")],
    macs: Annotated[
        float | None, typer.Option(help="At most so many per image, on average; as accurate as can be.")
    ] = None,
    milliseconds: Annotated[
        float | None, typer.Option(help="At most so many per image, on average; as accurate as can be.")
    ] = None,
    accuracy_lost: Annotated[
        float | None,
        typer.Option(help="At most so much below the unpruned network, a fraction; as few MACs as can be."),
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(
            help="In this one of those timed, int8 too; with --accuracy-lost: as fast as can be.  [default: any]"
        ),
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="In batches of so many images.  [default: 64]")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="On so many CPU threads.  [default: 1]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Print the one to deploy, the runner-up, the best plain network, and how to export it.

    Give one of --macs, --milliseconds and --accuracy-lost. Every network that the records keep, every subset of its exits and
    every threshold is tried on validation images; what to expect is told of test images.
    """
    limit = limit_of(
        {"macs": macs, "milliseconds": milliseconds, "accuracy_lost": accuracy_lost},
        any(one is not None for one in (runtime, batch, threads)),
    )
    root = checkout()
    results = root / "results" / checked_name(study)
    networks = networks_of(records_of(results))
    params = outline({**read_yaml(root / "params.yaml"), "study": study}, root / "presets")

    def is_meant(one: Times | Row) -> bool:
        return (one.batch, one.threads, one.runtime) == (batch or BATCH, threads or THREADS, runtime or one.runtime)

    measured = read_times(results / BY_EXIT)
    times = {digest: [one for one in all_ if is_meant(one)] for digest, all_ in measured.items()}
    is_ours = any(_of(one, times) for one in networks)  # else the plain networks are of another run too
    if limit.in_time and not is_ours:
        raise BadInput(_not_timed(study, measured, networks))
    answer = choose(networks, limit, times)

    def told(candidate: Candidate) -> Chosen:
        one = candidate.network
        checkpoint = checkpoint_of(one.recipe, one.state, one.seed, one.name, params)
        return chosen(candidate, networks, checkpoint, params.evaluate.confidence_level)

    best, runner_up = told(answer.best), None if answer.runner_up is None else told(answer.runner_up)
    unpruned = [
        one.outcomes["test"].correct[-1].mean() for one in networks if (one.state, one.precision) == (UNPRUNED, FLOAT32)
    ]
    rows = [row for row in read_rows(results / FILE) if is_ours and is_meant(row)]
    rival = best_rival(rows, limit, float(sum(unpruned) / len(unpruned)))
    if as_json:
        told_of = {"choice": best, "runner_up": runner_up, "rival": rival}
        said = {name: None if one is None else asdict(one) for name, one in told_of.items()}
        found = {"study": study, "limit": asdict(limit), "meets": answer.meets, **said}
        typer.echo(json.dumps(found, indent=1, allow_nan=False))
    if not answer.meets:
        raise BadInput(missed(study, limit, best, rival))
    if not as_json:
        num_images = len(networks[0].outcomes["validation"].correct[-1])
        num = len({one.weights_sha256 for one in networks})  # the unpruned one is that of many recipes
        head = (
            f"{study}, {limit_in_words(limit)}: the {'cheapest' if limit.what == 'accuracy_lost' else 'most accurate'} of "
            f"{counted(num, 'network')} with any of their exits, on {counted(num_images, 'validation image')}"
        )
        typer.echo(as_text(best, runner_up, rival, head))
        if not (root / best.checkpoint).is_file():
            typer.echo(
                f"({best.checkpoint} is not there yet: snakemake --cores all --config study={study} -- checkpoints)"
            )


def limit_of(given: dict[What, float | None], is_timed: bool) -> Limit:
    """The one limit that was given.

    Raises:
        BadInput: if there is not exactly one, it is no number that can be kept, or times are asked for beside MACs.
    """
    limits = {what: value for what, value in given.items() if value is not None}
    options = [f"--{what.replace('_', '-')}" for what in limits]
    if len(limits) != 1:
        raise BadInput(
            f"{' and '.join(options) or 'no limit'} given; give one of --macs, --milliseconds and --accuracy-lost"
        )
    what, value = next(iter(limits.items()))
    if not math.isfinite(value) or value < 0 or (what == "accuracy_lost" and value > 1):
        allowed = "a fraction from 0 to 1" if what == "accuracy_lost" else "a finite number, 0 or more"
        raise BadInput(f"{options[0]}: {value:g} was given; give {allowed}")
    if what == "macs" and is_timed:
        raise BadInput(
            "--macs: the same in every runtime; leave out --runtime, --batch and --threads, or give --milliseconds"
        )
    return Limit(what, value, is_timed)


def records_of(results: Path) -> list[Record]:
    """All records of a study, by seed.

    Raises:
        BadInput: if there are none, or one is damaged, or stands under another's name and would count twice.
    """
    folders = sorted(path.parent for path in results.glob(f"seeds/*/{RECORD}"))
    if not folders:
        known = sorted({path.parents[2].name for path in results.parent.glob(f"*/seeds/*/{RECORD}")})
        raise BadInput(
            f"{results}/seeds: holds no records; run the study first: exitprune study {results.name}"
            + (f", or choose among {', '.join(known)}" if known else "")
        )
    return [read_own(folder) for folder in folders]


def _of(network: Network, times: Mapping[str, Sequence[Times]]) -> list[Times]:
    return [one for one in times.get(network.weights_sha256, []) if one.precision == network.precision]


def _not_timed(study: str, measured: Mapping[str, Sequence[Times]], networks: Sequence[Network]) -> str:
    """Why no network of the study can be chosen by time, and what to do."""
    timed = (one for network in networks for one in _of(network, measured))
    there = dict.fromkeys(f"{one.runtime} --batch {one.batch} --threads {one.threads}" for one in timed)
    if there:
        return f"{study}: not timed so; timed: --runtime {'; --runtime '.join(there)}"
    return (
        f"{study}: {'the times measured are of other networks' if measured else 'no exit has been timed'}; "
        f"run: make bench-inference STUDY={study}, or give --macs"
    )
