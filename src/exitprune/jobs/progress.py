"""Progress inside a long job: plain lines in its log, and a small file beside the log that says how far it is.

What the jobs of a study have come to together is read from these files: `study_progress`.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from exitprune.errors import BadInput

LOG = logging.getLogger("exitprune")
TRACE = "EXITPRUNE_TRACE"  # a file that benchmarks read: when each job trained or inferred
LARGE = 1e6  # an answer beyond which float32 can hardly tell probabilities apart
SECONDS = 1.0  # between two writings of the file


def set_up_logging(file: Path | None) -> None:
    """Send plain lines to a file and to standard error; not to a terminal, where the workflow draws one line for all jobs."""
    LOG.setLevel(logging.INFO)
    form = logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S")
    handlers: list[logging.Handler] = [] if sys.stderr.isatty() else [logging.StreamHandler()]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(file, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(form)
        LOG.addHandler(handler)


def file_beside(log: Path) -> Path:
    """Where the job that writes this log says how far it is."""
    return log.with_suffix(".progress")


@dataclass(frozen=True)
class Rate:
    """The parameter to blame where training runs away.

    Attributes:
        name, value: of this training, such as "finetune.lr".
        before: the name of the one that the network it begins with was trained by; None: it begins with a new one.
    """

    name: str
    value: float
    before: str | None = None


class RunAway(FloatingPointError):
    """Training has run away.

    Args:
        what: is not finite.
        began_with: the largest answer of the network that the training began with.
    """

    rate: Rate | None = None
    """Of this training, where it is not the job's."""

    def __init__(self, what: str, began_with: float) -> None:
        super().__init__(what)
        self.began_with = began_with


@contextmanager
def at_rate(rate: Rate) -> Iterator[None]:
    """Blame this rate, not the job's, for a training that runs away inside."""
    try:
        yield
    except RunAway as error:
        error.rate = rate
        raise


class Progress:
    """Counts images over all rounds and epochs of a job.

    Args:
        label: what the job does, such as "prune joint, seed 0".
        num_images: how many images it will go through in all.
        num_rounds: how many rounds it has.
        rate: of the training, if it trains.
    """

    def __init__(self, label: str, num_images: int, num_rounds: int = 1, rate: Rate | None = None) -> None:
        self.label, self.num_images, self.num_rounds, self.rate = label, num_images, num_rounds, rate
        self.round_number, self.where = 1, label
        self.since, self.images = time.monotonic(), 0
        self.done = self.skipped = 0
        self.written = -SECONDS
        logs = [handler.baseFilename for handler in LOG.handlers if isinstance(handler, logging.FileHandler)]
        self.file = file_beside(Path(logs[0])) if logs else None

    def __enter__(self) -> Self:
        self.started = time.time()
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write()
        if isinstance(error, RunAway) and (rate := error.rate or self.rate):
            raise BadInput(f"{self.where}: {error}; {self._blame(rate, error.began_with)}") from error
        if path := os.environ.get(TRACE):
            line = json.dumps({"label": self.label, "start": self.started, "end": time.time()})
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    @staticmethod
    def _blame(rate: Rate, began_with: float) -> str:
        if rate.before is not None and began_with > LARGE:
            return (
                f"it began with a network whose answers reach {began_with:.1g}, since {rate.before} is too large; make "
                f"that smaller"
            )
        return f"{rate.name} {rate.value:g} is too large, make it smaller"

    def skip(self, num_images: int) -> None:
        """Count images of a round that an earlier run has already done."""
        self.skipped += num_images
        self._count(num_images)

    def start_round(self, number: int) -> None:
        """Name the round (from 1) that the next steps belong to."""
        self.round_number = number
        self.where = f"{self.label}, round {number}/{self.num_rounds}"

    def step(self, num_images: int) -> None:
        """Count the images of one step."""
        self.images += num_images
        self._count(num_images)

    def end_round(self, what: str) -> None:
        """Say what a round that trains nothing has come to."""
        LOG.info("%s, %d/%d: %s", self.label, self.round_number, self.num_rounds, what)

    def end_epoch(self, epoch: int, loss: float) -> None:
        """Say an epoch's mean loss."""
        seconds = time.monotonic() - self.since
        LOG.info("%s, epoch %d: loss %.4f, %.0f images/s", self.where, epoch, loss, self.images / seconds)
        self.since, self.images = time.monotonic(), 0

    def _count(self, num_images: int) -> None:
        self.done += num_images
        if time.monotonic() - self.written >= SECONDS:
            self._write()

    def _write(self) -> None:
        """Say how far it is; not made to be whole at every moment, as a reader of half a line looks again a second later."""
        self.written = time.monotonic()
        if self.file is not None:
            about = {"where": self.where, "done": self.done, "skipped": self.skipped, "total": self.num_images}
            self.file.write_text(json.dumps({**about, "seconds": time.time() - self.started}) + "\n", encoding="utf-8")
