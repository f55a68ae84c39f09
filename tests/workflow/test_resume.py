"""Killed in the middle, a study goes on where it was and ends with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from exitprune.jobs.shared_start import VARIABLE as SHARED_START

from .repository import Repository


def checkpoints(repository: Repository) -> dict[str, bytes]:
    """Every tensor file of the study by its path."""
    root = repository.path / "runs"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.safetensors"))}


@contextmanager
def killed_at_the_end(repository: Repository) -> Iterator[subprocess.Popen[bytes]]:
    """Run Snakemake while the block lasts, then kill it and all its jobs, and release its lock."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("snakemake"), "--cores", "1"],
        cwd=repository.path,
        env=repository.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield process
    with suppress(ProcessLookupError):  # it finished by itself
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    repository.run("snakemake", "--unlock")


def kill_when(repository: Repository, pattern: str) -> None:
    """Kill a run as soon as there is a file of the pattern."""
    with killed_at_the_end(repository) as process:
        while not any(repository.path.glob(pattern)):
            assert process.poll() is None, f"finished without writing {pattern}"
            time.sleep(0.01)


def kill_after(repository: Repository, seconds: float) -> None:
    """Kill a run at whatever it is doing then, unless it has finished by itself."""
    with killed_at_the_end(repository) as process, suppress(subprocess.TimeoutExpired):
        process.wait(seconds)


@pytest.mark.slow
@pytest.mark.parametrize(
    "interrupted_after", [".exitprune/partial/*.safetensors", "runs/smoke/seed0/sequential/level-02.safetensors"]
)
def test_a_killed_study_ends_with_the_same_bytes(
    fresh: Repository, finished: Repository, interrupted_after: str
) -> None:
    kill_when(fresh, interrupted_after)
    assert not (fresh.path / "runs/smoke/seed0/sequential/levels.json").exists()
    fresh.snakemake()
    assert checkpoints(fresh) == checkpoints(finished)


@pytest.mark.slow
def test_a_study_killed_again_and_again_at_random_moments_ends_with_the_same_bytes(
    fresh: Repository, finished: Repository
) -> None:
    draw = random.Random()
    moments = [draw.uniform(3, 15) for _ in range(6)]
    for seconds in moments:
        kill_after(fresh, seconds)
    fresh.snakemake()
    assert checkpoints(fresh) == checkpoints(finished), f"killed after {moments} seconds"


@pytest.mark.slow
def test_a_killed_chain_keeps_its_finished_rounds(fresh: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED_START, "never")  # as few chains start otherwise
    first = fresh.path / "runs/smoke/seed0/sequential/level-01.safetensors"
    kill_when(fresh, str(first.with_name("level-03.safetensors").relative_to(fresh.path)))
    written = first.stat().st_mtime_ns
    fresh.snakemake()
    assert first.stat().st_mtime_ns == written


@pytest.mark.slow
def test_the_number_of_cores_changes_no_byte(fresh: Repository, finished: Repository) -> None:
    fresh.run("snakemake", "--cores", "1")
    assert checkpoints(fresh) == checkpoints(finished)


@pytest.mark.slow
def test_a_truncated_level_is_refused_by_name(finished: Repository) -> None:
    level = finished.path / "runs/smoke/seed0/joint/level-01.safetensors"
    level.write_bytes(level.read_bytes()[:1000])
    output = finished.snakemake("checkpoints", "--forcerun", "prune", fails=True)
    assert "joint/level-01.safetensors: not a whole safetensors file" in output
    assert "move this one away and run again" in output
    level.unlink()
    finished.snakemake("checkpoints")
