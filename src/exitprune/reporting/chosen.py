"""What was chosen to deploy, in numbers for programs and in a table for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exitprune.config.params import Outline, Params
from exitprune.deployment.measured_times import Rival
from exitprune.evaluation.candidates import Candidate, Network
from exitprune.evaluation.deployable import Limit
from exitprune.evaluation.over_seeds import OverSeeds, over_seeds
from exitprune.reporting.formatting import NOTHING, STATES, counted, joined, percent, share

UNPRUNED = "unpruned"
FORMS = {"sparse": " --sparse", "int8": " --int8"}
"""What `exitprune export` must be told for a runtime to have its file."""


@dataclass(frozen=True)
class Expected:
    """Of the images of a split: fraction answered right, and per image on average MACs and, where timed, milliseconds."""

    accuracy: float
    macs: float
    milliseconds: float | None


@dataclass(frozen=True)
class Chosen:
    """A candidate in numbers.

    Attributes:
        exits: early exits that are kept, as the checkpoint counts them.
        of_exits: how many early exits the checkpoint has.
        timed: runtime, batch size, threads and machine; None where time was not asked for.
        accuracy, macs: on test images, over seeds: the same recipe, state, exits and threshold with each.
        command: that exports it.
    """

    recipe: str
    state: str
    seed: int
    checkpoint: str
    exits: list[int]
    of_exits: int
    threshold: float
    timed: dict[str, str | int] | None
    validation: Expected
    test: Expected
    accuracy: OverSeeds
    macs: OverSeeds
    command: str

    @property
    def network(self) -> str:
        """As people call it; the unpruned one is the same for most recipes."""
        return UNPRUNED if self.state == UNPRUNED else f"{self.recipe}, {STATES[self.state]}"


def chosen(candidate: Candidate, networks: Sequence[Network], checkpoint: Path, confidence: float) -> Chosen:
    """A candidate in numbers.

    Args:
        candidate: which.
        networks: of all seeds.
        checkpoint: where its network is or will be.
        confidence: of the intervals over seeds.
    """
    network, point, times = candidate.network, candidate.point, candidate.times
    splits = {}
    for split in ("validation", "test"):
        got = candidate.outcome(split)
        splits[split] = Expected(got.accuracy, got.average_macs, got.milliseconds)
    accuracy, macs = over_seeds(candidate, networks, confidence)
    return Chosen(
        network.recipe,
        network.state,
        network.seed,
        str(checkpoint),
        list(point.exits),
        len(network.heads),
        point.threshold,
        None if times is None else {key: getattr(times, key) for key in ("runtime", "batch", "threads", "machine")},
        splits["validation"],
        splits["test"],
        accuracy,
        macs,
        command(checkpoint, ",".join(map(str, point.exits)) or "none", str(np.float32(point.threshold)))
        + (FORMS.get(times.runtime, "") if times else ""),
    )


def command(checkpoint: Path, exits: str, threshold: str) -> str:
    """What to type to export a choice."""
    return f"exitprune export {checkpoint} --out model --exits {exits} --threshold {threshold}"


def checkpoint_of(recipe: str, state: str, seed: int, name: str, params: Params | Outline) -> Path:
    """Where the workflow keeps a level; recipes that train heads as the study does share the unpruned one."""
    folder, own = Path("runs", params.study, f"seed{seed}"), params.recipes.get(recipe)
    heads = params.heads.model_dump(exclude={"when"})
    is_shared = state == UNPRUNED and (own is None or own.heads.model_dump(exclude={"when"}) == heads)
    return folder / ("" if is_shared else recipe) / f"{name}.safetensors"


def limit_in_words(limit: Limit) -> str:
    """What was asked for."""
    if limit.what == "accuracy_lost":
        return f"at most {share(limit.value)} % of the images lost against the unpruned network"
    if limit.what == "macs":
        return f"at most {limit.value:,.{0 if float(limit.value).is_integer() else 1}f} MACs per image"
    return f"at most {limit.value:,.6g} ms per image"


def missed(study: str, limit: Limit, closest: Chosen, rival: Rival | None) -> str:
    """That nothing keeps the limit, what comes closest, what to do, and a plain network that keeps it; in a sentence."""
    got = closest.validation
    if limit.what == "accuracy_lost":
        reached, give = f"has {percent(got.accuracy)} % on validation images", "a larger --accuracy-lost"
    elif limit.what == "macs":
        reached, give = f"takes {got.macs:,.0f} MACs", f"--macs {np.ceil(got.macs):.0f} or more"
    else:
        reached, give = f"takes {got.milliseconds:.3g} ms", "more --milliseconds, or another --runtime or --batch"
    exits = joined([f"exit {number}" for number in closest.exits]) if closest.exits else "no early exit"
    return (
        f"{study}: no candidate keeps {limit_in_words(limit)}; the closest {reached} ({closest.network}, seed {closest.seed}, "
        f"{exits} kept, threshold {np.float32(closest.threshold)!s}): give {give}"
        + (
            f"; {rival.network}, without exits, keeps it with {percent(rival.accuracy)} % on test images"
            if rival
            else ""
        )
    )


def as_text(best: Chosen, runner_up: Chosen | None, rival: Rival | None, head: str) -> str:
    """A column for each, how to read them, and the command."""
    columns = [["", *_ROWS], ["to deploy", *_cells(best)]]
    if runner_up is not None:
        columns.append(["runner-up", *_cells(runner_up)])
    if rival is not None:
        columns.append([rival.network, *_rival_cells(rival)])
    if best.timed is None:
        columns = [column[:-1] for column in columns]
    widths = [max(map(len, column)) for column in columns]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in zip(*columns, strict=True)]
    notes = ["over seeds: same recipe, exits and threshold"]
    if runner_up is not None:
        notes.append("runner-up: the best of another recipe or state")
    if rival is not None:
        of = f"; mean of {counted(rival.num_seeds, 'seed')}"
        notes.append(f"{rival.network}: picked by its test images, which favours it{of}")
    if best.timed is not None:
        about = best.timed
        notes.append(
            f"ms: batches of {about['batch']}, {about['threads']} thread(s), {about['machine']}; each exit was timed, and counts "
            "as often as images leave there"
        )
    return "\n".join([head, "", *lines, "", *notes, "", best.command])


_ROWS = (
    "network",
    "seed",
    "early exits kept",
    "threshold",
    "accuracy on validation",
    "accuracy on test",
    "  over seeds",
    "MACs per image",
    "  over seeds",
    "ms per image",
)


def _cells(one: Chosen) -> list[str]:
    timed = (
        NOTHING
        if one.test.milliseconds is None or one.timed is None
        else f"{one.test.milliseconds:.3g}, {one.timed['runtime']}"
    )
    return [
        one.network,
        str(one.seed),
        f"{', '.join(map(str, one.exits)) or 'none'} (of {one.of_exits})",
        str(np.float32(one.threshold)),
        f"{percent(one.validation.accuracy)} %",
        f"{percent(one.test.accuracy)} %",
        f"{percent(one.accuracy.mean)} %{_around(one.accuracy, lambda end: percent(min(1, max(0, end))))}",
        f"{one.test.macs:,.0f}",
        f"{one.macs.mean:,.0f}{_around(one.macs, '{:,.0f}'.format)}",
        timed,
    ]


def _around(mean: OverSeeds, written: Callable[[float], str]) -> str:
    """Its band, if it has one, and what that is."""
    ends = "" if mean.low is None or mean.high is None else f"{written(mean.low)} to {written(mean.high)}, "
    return f" ({ends}{mean.what})"


def _rival_cells(rival: Rival) -> list[str]:
    accuracy, macs = f"{percent(rival.accuracy)} %", f"{rival.macs:,.0f}"
    return [*[NOTHING] * 5, NOTHING, accuracy, NOTHING, macs, f"{rival.milliseconds:.3g}, {rival.runtime}"]
