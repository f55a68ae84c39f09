"""What running a study would take: its jobs, from a dry run of Snakemake, with their time and size."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from exitprune.config.params import Params
from exitprune.errors import BadInput
from exitprune.jobs.cores import num_cores
from exitprune.jobs.disk import Amount, needed_bytes
from exitprune.jobs.estimate import Work, sizes_of, work_of
from exitprune.jobs.study_progress import Job, promise

COUNTS = re.compile(r"^(\w+) +(\d+)$", re.MULTILINE)  # of jobs by rule, as a dry run lists them
GATHERING = ("all", "total")
REFUSAL = re.compile(r"^WorkflowError in file .*\n((?:(?!  File ).+\n?)+)", re.MULTILINE)
"""Snakemake says in which file, then what was said, then from where that was called."""


def counted(command: Sequence[str]) -> dict[str, int]:
    """How many jobs of each rule Snakemake would run."""
    done = subprocess.run([*command, "--dry-run"], capture_output=True, text=True, check=False)
    if done.returncode:
        refused = REFUSAL.search(done.stdout + done.stderr)
        raise BadInput(*(refused[1].splitlines() if refused else (done.stdout + done.stderr).strip().splitlines()[-3:]))
    return {rule: int(number) for rule, number in COUNTS.findall(done.stdout + done.stderr) if rule not in GATHERING}


def planned(params: Params, counts: Mapping[str, int], amount: Amount, cores: int | None) -> str:
    """Jobs, time and size in a sentence, and the jobs by rule."""
    if not counts:
        return f"{params.study}: nothing to do; see results/{params.study}/report.html"
    sizes = sizes_of(params, Path("runs", params.study, "data.json"), amount)
    jobs = []
    for rule, number in counts.items():
        works = [work_of(rule, {"recipe": recipe}, params, sizes) for recipe in params.recipes]
        mean = Work(0, sum(work.seconds for work in works) / len(works))
        threads = params.compute.threads if mean.seconds > 10 else 1
        jobs += [Job(rule, mean, threads, frozenset(), None, lambda: False)] * number
    by_rule = ", ".join(f"{number} {rule}" for rule, number in counts.items())
    return f"{promise(params.study, jobs, cores or num_cores(), needed_bytes(params, amount))}\n  {by_rule}"
