"""The environment that a result was made in: commit, versions, machine."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from exitprune.variants import PACKAGE

SOURCE = PACKAGE.parent  # src/
PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "scipy", "pandas", "snakemake", "dvc")


def environment(device: str | None = None) -> dict[str, Any]:
    """Git commit, versions and machine; `commit` is null outside a repository, `dirty` tells of uncommitted code.

    Args:
        device: what computed, if it matters.
    """
    changed = git(
        "status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)results", ":(top,exclude)dvc.lock"
    )
    added = git("ls-files", "--others", "--exclude-standard", "--", ":/src", ":/workflow", ":/presets")
    return {
        "commit": git("rev-parse", "HEAD"),
        "dirty": bool(changed or added),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "machine": ", ".join(filter(None, [f"{platform.system()} {platform.machine()}", device])),
        "processor": device if device not in (None, "CPU") else processor(),
    }


def processor() -> str:
    """The processor as its maker calls it, as far as the system says."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def remote() -> str | None:
    """The address of the git remote `origin`; None without one."""
    return git("config", "--get", "remote.origin.url") or None


def merged(environments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One description of several environments: where they differ, each value that occurs."""

    def each(values: Iterable[Any]) -> Any:
        distinct = list(dict.fromkeys(value for value in values if value is not None))
        return ", ".join(distinct) or None

    packages = dict.fromkeys(name for one in environments for name in one["versions"])
    return {
        "commit": each(one["commit"] for one in environments),
        "dirty": any(one["dirty"] for one in environments),
        "python": each(one["python"] for one in environments),
        "versions": {name: each(one["versions"].get(name) for one in environments) for name in packages},
        "machine": each(one["machine"] for one in environments),
        "processor": each(one.get("processor") for one in environments),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git(*arguments: str, folder: Path | None = None) -> str | None:
    """What git says in a folder, that of this code if none is named; None where it fails or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder or SOURCE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
