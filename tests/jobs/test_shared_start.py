"""A job that is a fork of a shared process is that job: same input, output, folder and end, and it lives no longer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exitprune.jobs.shared_start import MANY, NUM_THREADS, VARIABLE, share

SERVER = """
import json, os, sys, time
from pathlib import Path
from exitprune.jobs.shared_start import serve
serve(Path(sys.argv[1]), modules=())
sys.stdout.reconfigure(errors="backslashreplace")  # as the command line does
print(json.dumps([os.getpid(), sys.argv[1:], os.environ.get("MINE"), os.getcwd(), sys.stdin.readline()]), flush=True)
time.sleep(float(sys.argv[1]))
sys.exit(int(sys.argv[2]))
"""
JOB = "from exitprune.jobs.shared_start import ask; ask(); print('by itself')"
THREADS = dict.fromkeys(NUM_THREADS, "1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Listens to `tmp_path/socket`."""
    command = [sys.executable, "-c", SERVER, str(tmp_path / "socket")]
    environment = {**os.environ, **THREADS}
    with (
        Path(tmp_path, "said").open("w") as said,  # can be sought in, unlike the pipes of its jobs
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, env=environment) as process,
    ):
        said.write("something, so that its end is not its beginning")
        said.flush()
        while not (tmp_path / "socket").exists():
            time.sleep(0.01)
        yield process
        process.kill()


def job(folder: Path, *words: str, **environment: str) -> subprocess.Popen[str]:
    """A process that asks, run in the folder."""
    return subprocess.Popen(
        [sys.executable, "-c", JOB, *words], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, **THREADS, VARIABLE: "socket", "MINE": "yes", **environment},
    )  # fmt: skip


def fork_of(process: subprocess.Popen[str]) -> int:
    """Wait until a job's fork is at work; its process."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("given\n")
    process.stdin.flush()
    return int(json.loads(process.stdout.readline())[0])


def ends(process: int) -> bool:
    """Whether a process is gone within seconds."""
    for _ in range(500):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.usefixtures("server")
def test_a_fork_has_the_words_environment_folder_input_output_and_exit_code_of_its_job(tmp_path: Path) -> None:
    with job(tmp_path, "0", "3") as process:
        said, _ = process.communicate("given\n")
    fork, *rest = json.loads(said)
    assert fork != process.pid
    assert rest == [["0", "3"], "yes", str(tmp_path), "given\n"]
    assert process.returncode == 3


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_job_and_its_fork_end_together_whichever_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    with job(tmp_path, "60", "0") as process:
        fork = fork_of(process)
        process.send_signal(number)
        assert process.wait() == -number
        assert ends(fork)
    with job(tmp_path, "60", "0") as process:
        os.kill(fork_of(process), number)
        assert process.wait() in ((1, -number) if number == signal.SIGINT else (-number,))


def test_who_started_the_server_may_die_and_what_is_at_work_goes_on(
    server: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    with job(tmp_path, "0.3", "0") as process:
        fork_of(process)
        assert server.stdin
        server.stdin.close()
        assert process.wait() == 0
    assert server.wait() == 0
    assert not (tmp_path / "socket").exists()


def test_a_job_whose_server_is_killed_fails_in_a_sentence(
    server: subprocess.Popen[bytes], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with job(tmp_path, "0.3", "0") as process:
        fork = fork_of(process)
        server.kill()
        assert process.wait() == 1
        assert ends(fork)
    assert "was killed" in capfd.readouterr().err


@pytest.mark.usefixtures("server")
def test_a_job_with_other_threads_starts_by_itself(tmp_path: Path) -> None:
    with job(tmp_path, OMP_NUM_THREADS="2") as process:
        assert process.communicate()[0] == "by itself\n"


def test_a_job_starts_by_itself_where_nobody_listens(server: subprocess.Popen[bytes], tmp_path: Path) -> None:
    server.kill()
    server.wait()
    for socket in ("socket", "none", "never", ""):
        with job(tmp_path, **{VARIABLE: socket}) as process:
            assert process.communicate()[0] == "by itself\n"


def test_only_many_chains_share_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert share(tmp_path / "socket", MANY - 1, 1) is None
    monkeypatch.setenv(VARIABLE, "never")
    for _ in ("a study", "another that it starts, as `snakemake methods` does"):
        assert share(tmp_path / "socket", MANY, 1) is None
