"""Killed in the middle, a study goes on where it was and ends with the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import Repository


def checkpoints(repository: Repository) -> dict[str, bytes]:
    """Every tensor file of the study by its path."""
    root = repository.path / "runs"
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.safetensors"))}


def kill_when(repository: Repository, appears: Path) -> None:
    """Run Snakemake and kill it and all its jobs as soon as a file is there."""
    process = subprocess.Popen(
        [Path(sys.executable).with_name("snakemake"), "--cores", "1"],
        cwd=repository.path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not appears.exists():
        assert process.poll() is None, f"finished without writing {appears}"
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("interrupted_after", ["base.partial.safetensors", "sequential/level-02.safetensors"])
def test_a_killed_study_ends_with_the_same_bytes(
    fresh: Repository, finished: Repository, interrupted_after: str
) -> None:
    kill_when(fresh, fresh.path / "runs/smoke/seed0" / interrupted_after)
    assert not (fresh.path / "runs/smoke/seed0/sequential/levels.json").exists()
    fresh.run("snakemake", "--unlock")
    fresh.snakemake()
    assert checkpoints(fresh) == checkpoints(finished)


@pytest.mark.slow
def test_a_killed_chain_keeps_its_finished_rounds(fresh: Repository) -> None:
    first = fresh.path / "runs/smoke/seed0/sequential/level-01.safetensors"
    kill_when(fresh, first.with_name("level-03.safetensors"))
    written = first.stat().st_mtime_ns
    fresh.run("snakemake", "--unlock")
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
    output = finished.snakemake("--forcerun", "prune", fails=True)
    assert "joint/level-01.safetensors: not a whole safetensors file" in output
    assert "delete it" in output
    level.unlink()
    finished.snakemake()
