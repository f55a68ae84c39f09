"""Made-up jobs of a study, and what they say of themselves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from exitprune.jobs.estimate import Work
from exitprune.jobs.study_progress import Job


def job(
    seconds: float = 10.0,
    images: int = 0,
    after: Sequence[int] = (),
    threads: int = 1,
    file: Path | None = None,
    finished: bool = False,
    rule: str = "prune",
) -> Job:
    return Job(rule, Work(images, seconds), threads, frozenset(after), file, lambda: finished)


def say(
    file: Path, done: int, total: int, seconds: float, skipped: int = 0, where: str = "prune joint, seed 1"
) -> Path:
    about = {"where": where, "done": done, "skipped": skipped, "total": total, "seconds": seconds}
    file.write_text(json.dumps(about))
    return file
