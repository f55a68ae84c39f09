"""A study that still runs is named in a sentence; two writers never meet."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from .repository import Repository
from .test_resume import checkpoints

pytestmark = pytest.mark.slow


def started(repository: Repository, *command: str) -> psutil.Popen:
    """A command that goes on in the background, once it trains."""
    process = psutil.Popen(
        command, cwd=repository.path, env=repository.environment, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while not list(repository.path.glob(".exitprune/partial/*")):
        assert process.poll() is None
        time.sleep(0.05)
    return process


def is_snakemake(process: psutil.Process) -> bool:
    """Whether it is Snakemake, and not the shell that DVC starts it in."""
    return [Path(word).name for word in process.cmdline()[1:2]] == ["snakemake"]


def is_at_work(process: psutil.Process) -> bool:
    """Whether it has not ended; where nobody waits for an orphan, it stays in the list of processes."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_until_free(repository: Repository) -> None:
    """Until no process of the first run is left."""
    while "still running here" in (said := repository.snakemake(fails=None)):
        assert re.search(r"process \d+, running since \d{4}-\d\d-\d\d", said)
        time.sleep(1)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=str)
def test_dvc_killed_alone_leaves_a_study_that_the_next_command_names(
    fresh: Repository, finished: Repository, number: signal.Signals
) -> None:
    process = started(fresh, "dvc", "repro")
    snakemake = next(child for child in process.children(recursive=True) if is_snakemake(child))
    process.send_signal(number)
    process.wait(60)
    if number == signal.SIGKILL:
        assert is_at_work(snakemake)
    said = fresh.run("dvc", "repro", fails=None)
    if is_at_work(snakemake):  # still, so it was running all the while
        assert re.search(rf"The study smoke is still running here: process {snakemake.pid}, running since ", said)
        assert f"stop it with kill {snakemake.pid}," in said
        assert "Traceback" not in said
    wait_until_free(fresh)
    fresh.run("dvc", "repro")
    assert checkpoints(fresh) == checkpoints(finished)


def test_a_job_that_outlives_snakemake_and_the_next_one_do_not_meet(fresh: Repository, finished: Repository) -> None:
    process = started(fresh, "snakemake", "--cores", "1")
    orphans = [child for child in process.children(recursive=True) if child.cmdline()[1:3] == ["-m", "exitprune"]]
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    assert any(is_at_work(orphan) for orphan in orphans)
    fresh.run("snakemake", "--unlock")
    fresh.snakemake()
    log = (fresh.path / "logs/smoke/seed0/base.log").read_text()
    assert "waiting for process" in log or "made from the same before" in log  # the orphan may have ended by then
    assert checkpoints(fresh) == checkpoints(finished)
    assert not list(fresh.path.glob("runs/**/.*.tmp"))
