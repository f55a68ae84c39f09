"""Who looks at a study while it runs and says how far it is: one line on a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from typing import TextIO

from exitprune.jobs.study_progress import Job, state_of

TICK = 0.5  # seconds between two looks
CLEAR = "\r\x1b[K"


class _ClearLine(logging.Handler):
    """Goes before Snakemake's own handler and takes the line away, so that messages do not run into it."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Before a message."""
        self.stream.write(CLEAR)
        self.stream.flush()


class Watch:
    """Says where a study is until it is stopped.

    Args:
        study: its name.
        plan: from `plan_of`.
        cores: that Snakemake may use.
        logger: Snakemake's, whose messages go to the same stream.
        stream: standard error, or what stands for it.
    """

    def __init__(
        self, study: str, plan: Sequence[Job], cores: int, logger: logging.Logger, stream: TextIO | None = None
    ) -> None:
        self.study, self.plan, self.cores, self.logger = study, plan, cores, logger
        self.stream = stream or sys.stderr
        self.on_terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.clear = _ClearLine(self.stream)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Forget what earlier runs said, say what is planned, and begin to look."""
        for job in self.plan:
            if job.file is not None:
                job.file.unlink(missing_ok=True)
        if self.on_terminal:
            self.logger.handlers.insert(0, self.clear)
        self.began = time.monotonic()
        self.thread.start()

    def stop(self) -> float:
        """Look no more; the seconds it took."""
        self.stopped.set()
        self.thread.join()
        if self.on_terminal:
            self.logger.removeHandler(self.clear)
            self._write(CLEAR)
        return time.monotonic() - self.began

    def _watch(self) -> None:
        said = 0.0  # seconds after the beginning
        while not self.stopped.wait(TICK):
            seconds = time.monotonic() - self.began
            if self.on_terminal:
                self._write(CLEAR + self._line(seconds)[: shutil.get_terminal_size().columns - 1] + "\r")
            elif seconds - said >= max(20, 0.02 * seconds):
                said = seconds
                self._write(self._line(seconds) + "\n")

    def _line(self, elapsed: float) -> str:
        return state_of(self.plan, self.cores, elapsed).line(self.study)

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()
