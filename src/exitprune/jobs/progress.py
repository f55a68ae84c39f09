"""Progress inside a long job: a bar on a terminal, plain lines in the log file and where there is no terminal."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tqdm import tqdm

from exitprune.errors import BadInput

LOG = logging.getLogger("exitprune")
TRACE = "EXITPRUNE_TRACE"  # a file that benchmarks read: when each job trained or inferred


def set_up_logging(file: Path | None) -> None:
    """Send plain lines to a file, and to standard error unless a bar is drawn there."""
    LOG.setLevel(logging.INFO)
    form = logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S")
    handlers: list[logging.Handler] = [] if sys.stderr.isatty() else [logging.StreamHandler()]
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(file))
    for handler in handlers:
        handler.setFormatter(form)
        LOG.addHandler(handler)


class Progress:
    """Counts images over all rounds and epochs of a job.

    Args:
        label: what the job does, such as "prune joint, seed 0".
        num_images: how many images it will go through in all.
        num_rounds: how many rounds it has.
    """

    def __init__(self, label: str, num_images: int, num_rounds: int = 1) -> None:
        self.label, self.num_rounds = label, num_rounds
        self.round_number, self.where = 1, label
        self.since, self.images = time.monotonic(), 0
        self.bar = tqdm(
            total=num_images,
            desc=label,
            unit=" images",
            unit_scale=True,
            leave=False,
            dynamic_ncols=True,
            disable=not sys.stderr.isatty(),
        )

    def __enter__(self) -> Self:
        self.started = time.time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.close()
        if isinstance(error, FloatingPointError):
            raise BadInput(f"{self.where}: {error}") from error
        if path := os.environ.get(TRACE):
            line = json.dumps({"label": self.label, "start": self.started, "end": time.time()})
            with Path(path).open("a") as file:
                file.write(line + "\n")

    def skip(self, num_images: int) -> None:
        """Count images of a round that an earlier run has already done."""
        if not self.bar.disable:
            self.bar.initial += num_images  # does not count in images per second
            self.bar.update(num_images)

    def start_round(self, number: int) -> None:
        """Name the round (from 1) that the next steps belong to."""
        self.round_number = number
        self.where = f"{self.label}, round {number}/{self.num_rounds}"
        self.bar.set_description(self.where)

    def step(self, num_images: int) -> None:
        """Count the images of one step."""
        self.images += num_images
        self.bar.update(num_images)

    def end_round(self, what: str) -> None:
        """Say what a round that trains nothing has come to."""
        LOG.info("%s, %d/%d: %s", self.label, self.round_number, self.num_rounds, what)

    def end_epoch(self, epoch: int, loss: float) -> None:
        """Show an epoch's mean loss."""
        self.bar.set_postfix(epoch=epoch, loss=f"{loss:.3f}")
        seconds = time.monotonic() - self.since
        LOG.info("%s, epoch %d: loss %.4f, %.0f images/s", self.where, epoch, loss, self.images / seconds)
        self.since, self.images = time.monotonic(), 0
