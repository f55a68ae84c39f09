"""Two processes never write the same thing; a lock ends with its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exitprune.jobs.alone import described, hold, lock_of, release, try_to_hold
from exitprune.stages import publish

HOLDER = """
import sys, time
from pathlib import Path
from exitprune.jobs.alone import hold
hold(Path(sys.argv[1]), "")
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def holder(lock: Path, seconds: float) -> subprocess.Popen[str]:
    """A process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, lock, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def test_a_held_lock_is_refused_with_who_holds_it(tmp_path: Path) -> None:
    with holder(tmp_path / "lock", 60) as process:
        other = try_to_hold(tmp_path / "lock")
        assert other is not None
        assert f"process {process.pid}, running since 2" in described(other)
        os.kill(process.pid, signal.SIGKILL)
    assert try_to_hold(tmp_path / "lock") is None
    release(tmp_path / "lock")


def test_the_second_waits_and_says_for_whom(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "exitprune"), holder(tmp_path / "lock", 1) as process:
        hold(tmp_path / "lock", "it writes the same file")
    assert f"waiting for process {process.pid}" in caplog.text
    assert "it writes the same file" in caplog.text
    release(tmp_path / "lock")


def test_a_study_is_copied_for_dvc_once_it_has_ended_and_does_not_run_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level("INFO", "exitprune"), holder(lock_of("mine").absolute(), 1) as process:
        publish.main("mine")
    assert f"waiting for process {process.pid}" in caplog.text
    assert (tmp_path / "versioned/mine/snakemake.json").is_file()
    release(lock_of("mine"))


def test_a_process_may_ask_twice(tmp_path: Path) -> None:
    hold(tmp_path / "lock", "")
    hold(tmp_path / "lock", "")
    release(tmp_path / "lock")
