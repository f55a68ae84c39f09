"""One process imports torch for all jobs of a study, and every job is a fork of it.

Importing torch and its compiler takes seconds, which is most of a short job. `python -m exitprune` therefore asks the process
whose socket the variable names for a fork, lends it its arguments, environment, folder, input and outputs, and ends as the fork
ends. Where there is no such process, where it is for other numbers of threads, or once a file of ours has changed, the job starts
by itself.

A job that dies takes its fork along, however it dies: the kernel sends the fork a signal when the other end of the line closes.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from exitprune.origin.ingredients import STAGES
from exitprune.variants import PACKAGE

VARIABLE = "EXITPRUNE_SHARED_START"  # names the socket to jobs; before a study is started: always | never
MANY = 20  # chains from which on it pays: it takes as much memory as one more job
MODULES = ("exitprune.cli", "torch._dynamo", *(f"exitprune.stages.{stage}" for stage in STAGES))
NUM_THREADS = [f"{name}_NUM_THREADS" for name in ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")]  # read by an import
STDIN, ACCEPTED = 0, b"y"
LINES: list[socket.socket] = []


def _can_wait_for_forks() -> bool:
    """Whether this is Linux, of 5.3 or later."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def share(socket_: Path, num_chains: int, threads: int) -> subprocess.Popen[bytes] | None:
    """Start the process, and name its socket to the jobs that this process starts; it ends when this one does.

    Args:
        socket_: where jobs find it; relative, since a socket's path may have 107 bytes.
        num_chains: of the study; few start by themselves.
        threads: of each job.
    """
    wanted = os.environ.get(VARIABLE)
    if wanted == "never":  # it stays said, to studies that are started from this one too
        return None
    if not _can_wait_for_forks() or (num_chains < MANY and wanted != "always"):
        os.environ.pop(VARIABLE, None)
        return None
    os.environ[VARIABLE] = str(socket_)
    return subprocess.Popen(
        [sys.executable, "-m", "exitprune.jobs.shared_start", socket_],
        env={**os.environ, **dict.fromkeys(NUM_THREADS, str(threads))},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def ask() -> None:
    """Let a fork do this process's work and end as it ends; return if this process has to do it by itself."""
    path = os.environ.pop(VARIABLE, "never")
    if path in ("", "never"):
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)  # before a fork is there: one set later would lose a Ctrl-C
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(path)
            socket.send_fds(line, [b"\n"], [0, 1, 2])
            line.sendall(json.dumps([sys.argv, dict(os.environ), str(Path.cwd())]).encode() + b"\n")
            accepted = line.recv(1) == ACCEPTED
        except OSError:
            accepted = False
        if not accepted:
            signal.signal(signal.SIGINT, handler)
            return
        status = line.recv(4, socket.MSG_WAITALL)
    if len(status) < 4:
        sys.exit("exitprune: the process that all jobs share was killed; the same command goes on")
    code = os.waitstatus_to_exitcode(int.from_bytes(status))
    if code < 0:
        with suppress(OSError):  # SIGKILL cannot be set
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def serve(path: Path, modules: Sequence[str] = MODULES) -> None:
    """Fork for whoever asks, until the standard input ends and the last fork; returns in each fork, as that job."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for jobs and for who started them
    listener, written = _listener(path), _written()
    gc.disable()
    for name in modules:
        importlib.import_module(name)
    importlib.import_module("exitprune.origin.code").code_digests(STAGES)  # it remembers them
    gc.freeze()
    gc.enable()
    wanted: list[Any] = [STDIN, listener]
    forks: dict[int, tuple[int, socket.socket]] = {}  # by a descriptor that is readable once the fork has ended
    while wanted or forks:
        for ready in select.select([*wanted, *forks], [], [])[0]:
            if ready == STDIN:
                path.unlink(missing_ok=True)
                listener.close()
                wanted = []
                break
            if ready == listener:
                line, _ = listener.accept()
                if not (process := os.fork()):
                    for other in (listener, *(one for _, one in forks.values())):
                        other.close()
                    return _become(line, written)
                forks[os.pidfd_open(process)] = process, line
            else:
                process, line = forks.pop(ready)
                os.close(ready)
                with suppress(OSError), line:  # who asked may be dead
                    line.sendall(os.waitpid(process, 0)[1].to_bytes(4))
    sys.exit()


def _listener(path: Path) -> socket.socket:
    """A socket that nobody else may write to."""
    path.unlink(missing_ok=True)
    before = os.umask(0o077)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(128)
    os.umask(before)
    return listener


def _written() -> dict[Path, int]:
    """When each file of ours was."""
    return {path: path.stat().st_mtime_ns for path in PACKAGE.rglob("*.py")}


def _become(line: socket.socket, written: dict[Path, int]) -> None:
    """Take over from the process at the other end of the line, and die when it does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _, descriptors, *_ = socket.recv_fds(line, 1, 3)
    words, environment, folder = json.loads(line.makefile("rb").readline())
    if written != _written() or any(environment.get(name) != os.environ.get(name) for name in NUM_THREADS):
        os._exit(0)  # it starts by itself
    fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(line, fcntl.F_SETFL, os.O_ASYNC)  # SIGIO when the line closes; what it does is to end the process
    line.sendall(ACCEPTED)
    LINES.append(line)  # open as long as the process lives
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    # Python's own streams remember what they were opened on, a file that can be sought in, say.
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115 (as long as the process)
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
    runpy.run_module("exitprune", run_name="__main__")
