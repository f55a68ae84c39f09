"""A disk that fills up, or runs out of inodes, in the middle of a study: with room again it ends with the same bytes."""

from __future__ import annotations

import random
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

from tests.torture import Row
from tests.torture.kills import COMMANDS, new_study

ROOMY = "size=1g,nr_inodes=100k"
TIGHT = {"no space": (3, 12), "no inodes": (30, 120)}  # MB, or files, left when the study starts: drawn between these


class NoSuchDisk(Exception):
    """No small disk can be mounted here; the message says why."""


@contextmanager
def disk(folder: Path) -> Iterator[Path]:
    """A file system of its own in memory."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", ROOMY, "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        raise NoSuchDisk(mounted.stderr.strip().splitlines()[-1])
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)


def limit(folder: Path, options: str) -> None:
    """Change how much room there is."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def run(draw: random.Random, wanted: Future[dict[str, bytes]], num: int) -> Iterator[Row]:
    """Fill the disk so many times in each way; no rows, and the reason printed, where none can be mounted."""
    try:
        for how, (least, most) in TIGHT.items():
            held = stopped = 0
            for _ in range(num):
                with tempfile.TemporaryDirectory(prefix="torture") as place, disk(Path(place)) as folder:
                    study = new_study(folder, draw)
                    left = draw.randint(least, most)
                    limit(folder, _tight(folder, how, left))
                    first = subprocess.run(
                        COMMANDS["snakemake"], cwd=study.repository.path, env=study.repository.environment, capture_output=True
                    )  # fmt: skip
                    stopped += first.returncode != 0
                    limit(folder, ROOMY)
                    study.finish("snakemake")
                    held += study.results() == wanted.result()
            yield Row(
                "the disk of a study",
                f"{how}, {stopped} times stopped by it",
                num,
                held,
                "with room again the same bytes",
            )
    except NoSuchDisk as error:
        print(f"full disks: left out, no small disk can be mounted here ({error})")


def _tight(folder: Path, how: str, left: int) -> str:
    """Mount options that leave so many megabytes or files beside what is there."""
    if how == "no space":
        used = sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
        return f"size={used // 1024 + left * 1024}k"
    return f"nr_inodes={sum(1 for _ in folder.rglob('*')) + left}"
