"""One writer at a time: locks that end with the process that holds them, however it ends.

A killed Snakemake leaves its job computing. The next job that is to write the same file, or to make the same thing, waits for
it and says so. Where a file system knows no locks, writers are not kept apart.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from exitprune.jobs.progress import LOG

STORE_VARIABLE = "EXITPRUNE_STORE"  # where the store is, and with it the locks; the workflow sets it
SECONDS = 0.2  # between two tries
_held: dict[Path, int] = {}  # file descriptors, open until the process ends


def lock_of(study: str) -> Path:
    """What a study holds while it runs, in the clone or the experiment's directory that is the current one."""
    return Path(".snakemake", "running", study)


def hold(lock: Path, reason: str) -> None:
    """Hold a lock until this process ends; wait, and say why, while another process holds it."""
    said = False
    while (holder := try_to_hold(lock)) is not None:
        if not said:
            LOG.info("waiting for %s: %s", described(holder), reason)
            said = True
        time.sleep(SECONDS)


def try_to_hold(lock: Path) -> dict[str, Any] | None:
    """Hold a lock until this process ends; or, if another process holds it, what that one says of itself."""
    lock = lock.absolute()
    if lock in _held:
        return None
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.pread(descriptor, 4096, 0)
        os.close(descriptor)
        return _read(said)
    except OSError as error:  # a file system without locks
        LOG.info("%s cannot be locked (%s)", lock, error)
    about = {"pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(about).encode(), 0)
    _held[lock] = descriptor
    return None


def release(lock: Path) -> None:
    """Let others hold a lock that this process holds."""
    descriptor = _held.pop(lock.absolute(), None)
    if descriptor is not None:
        os.close(descriptor)


def described(holder: dict[str, Any]) -> str:
    """A holder in words."""
    here = holder.get("host") in (None, socket.gethostname())
    where = "" if here else f" on {holder['host']}"
    return f"process {holder.get('pid', 'unknown')}{where}, running since {holder.get('since', 'some time')}"


def _read(said: bytes) -> dict[str, Any]:
    try:
        holder = json.loads(said)
    except ValueError:  # it has only just begun
        return {}
    return holder if isinstance(holder, dict) else {}
