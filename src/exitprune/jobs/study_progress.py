"""How far a whole study is and how long it will still take.

The plan is the jobs that Snakemake is about to run, each with the work that its parameters promise (`estimate`); running jobs say
how far they are in a file beside their log (`progress`). What they have taken so far corrects the estimate, and the time
left is that of running what is left on the cores there are, each job after those it needs.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from exitprune.config.params import Params
from exitprune.jobs.estimate import START, Sizes, Work, work_of
from exitprune.jobs.progress import file_beside

SEEN = 0.1  # the share of a job that must be done before its pace is believed


@dataclass(frozen=True)
class Job:
    """A job that is to run.

    Attributes:
        rule: of the workflow.
        work: what it promises to do.
        threads: that it takes.
        after: places in the plan of the jobs that it waits for.
        file: where it says how far it is, if it does.
        is_finished: asked at every look.
    """

    rule: str
    work: Work
    threads: int
    after: frozenset[int]
    file: Path | None
    is_finished: Callable[[], bool]


@dataclass(frozen=True)
class State:
    """Where a study is: jobs and images done of all, the share of the time that is over, and the seconds that are left."""

    jobs: tuple[int, int]
    images: tuple[int, int]
    share: float
    left: float
    where: str

    def line(self, study: str) -> str:
        """As people read it."""
        parts = [f"{study}: {self.share:.0%}", f"{self.jobs[0]} of {self.jobs[1]} job{'s' * (self.jobs[1] != 1)}"]
        if self.images[1]:
            parts.append(f"{self.images[0]:,} of {self.images[1]:,} images")
        text = f"{', '.join(parts)}, {roughly(self.left)} left"
        return f"{text} ({self.where})" if self.where else text


def roughly(seconds: float) -> str:
    """Rounded as befits a guess: `20 s`, `4 min`, `2 h 10 min`."""
    if seconds < 55:
        return f"about {max(5, 5 * round(seconds / 5))} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"about {minutes} min"
    minutes = 10 * round(minutes / 10)
    return f"about {minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def plan_of(dag: Any, params: Params, sizes: Sizes) -> list[Job]:
    """The jobs that Snakemake is about to run, those of high priority first.

    Args:
        dag: Snakemake's.
        params: of the study.
        sizes: of its images.
    """
    jobs = sorted(dag.needrun_jobs(), key=dag.priority, reverse=True)
    jobs = [job for job in jobs if job.output]  # not those that only gather, as `all`
    places = {job: place for place, job in enumerate(jobs)}
    return [
        Job(
            job.rule.name,
            work_of(job.rule.name, job.wildcards_dict, params, sizes),
            job.threads,
            frozenset(places[needed] for needed in dag.dependencies[job] if needed in places),
            file_beside(Path(job.log[0])) if job.log else None,
            partial(dag.finished, job),
        )
        for job in jobs
    ]


def promise(study: str, plan: Sequence[Job], cores: int, num_bytes: float) -> str:
    """What is about to be spent, in one sentence, before it is.

    Args:
        study: its name.
        plan: from `plan_of`.
        cores: that Snakemake may use.
        num_bytes: that the whole study keeps.
    """
    seconds = time_left([job.work.seconds for job in plan], plan, cores)
    size = f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{max(1, num_bytes / 1e6):.0f} MB"
    jobs, on = f"{len(plan)} job{'s' * (len(plan) != 1)}", f"{cores} core{'s' * (cores != 1)}"
    return (
        f"{study}: {jobs}, {roughly(seconds)} on {on}, about {size} on disk in all"
        " (an estimate; killed, it goes on from where it was)"
    )


def state_of(plan: Sequence[Job], cores: int, elapsed: float = 0.0) -> State:
    """Look at all jobs.

    Args:
        plan: from `plan_of`.
        cores: that Snakemake may use.
        elapsed: seconds since it began.
    """
    finished = [job.is_finished() for job in plan]
    said = [_read(job.file) for job in plan]
    pace = _pace(plan, said)
    at_first, left, done_images, all_images = [], [], 0, 0
    for job, is_finished, about in zip(plan, finished, said, strict=True):
        total = about.get("total") or job.work.images
        done = total if is_finished else min(about.get("done", 0), total)
        seconds = START + (job.work.seconds - START) * pace(job.rule) if job.work.images else job.work.seconds
        skipped, share = (about["skipped"] / total, done / total) if about and total else (0.0, 0.0)
        at_first.append((1 - skipped) * seconds)
        left.append(0.0 if is_finished else max(1.0, (1 - share) * seconds))
        done_images, all_images = done_images + done, all_images + total
    running = {place for place, about in enumerate(said) if about and not finished[place]}
    remaining, over = time_left(left, plan, cores, running), 1 - sum(left) / max(sum(at_first), 1.0)
    if over >= SEEN:  # starting, waiting, sharing the machine with others: what no job can say by itself
        remaining *= elapsed / max(time_left(at_first, plan, cores) - remaining, 1.0) if elapsed else 1.0
    return State(
        (sum(finished), len(plan)),
        (done_images, all_images),
        max(over, 0.0) if left else 1.0,
        remaining,
        "; ".join(str(said[place]["where"]) for place in sorted(running)[:2]),
    )


def _read(file: Path | None) -> dict[str, Any]:
    """What a job says; nothing while it has not begun, or in the moment in which it writes."""
    try:
        found = json.loads(file.read_text(encoding="utf-8")) if file is not None else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("total"), int) else {}


def _pace(plan: Sequence[Job], said: Sequence[Mapping[str, Any]]) -> Callable[[str], float]:
    """By how much jobs of a rule take longer than promised: as those seen of the rule, else as all seen, else not at all."""
    taken: dict[str, list[float]] = {}
    for job, about in zip(plan, said, strict=True):
        if about.get("total") and (new := about["done"] - about["skipped"]) >= SEEN * about["total"]:
            promised = new / about["total"] * (job.work.seconds - START)
            for rule in (job.rule, ""):
                sums = taken.setdefault(rule, [0.0, 0.0])
                sums[0], sums[1] = sums[0] + about["seconds"], sums[1] + promised

    def pace(rule: str) -> float:
        seconds, promised = taken.get(rule) or taken.get("") or (1.0, 1.0)
        return seconds / promised if promised else 1.0

    return pace


def time_left(left: Sequence[float], plan: Sequence[Job], cores: int, running: Set[int] = frozenset()) -> float:
    """Seconds until all is done, every job begun as soon as those it waits for are over and enough cores are free.

    Args:
        left: seconds of each job by itself; 0: it is over.
        plan: the jobs; earlier ones go first.
        cores: that they share.
        running: places of those that have begun.
    """
    waiting = [place for place in range(len(plan)) if left[place] > 0]
    waiting.sort(key=lambda place: place not in running)
    over = {place for place in range(len(plan)) if left[place] <= 0}
    ends: list[tuple[float, int]] = []
    now, free = 0.0, cores
    while waiting or ends:
        for place in list(waiting):
            threads = min(plan[place].threads, cores)
            if threads <= free and (place in running or plan[place].after <= over):
                heapq.heappush(ends, (now + left[place], place))
                waiting.remove(place)
                free -= threads
        if not ends:
            break  # a circle, which Snakemake would not have let through
        now, place = heapq.heappop(ends)
        over.add(place)
        free += min(plan[place].threads, cores)
    return now
