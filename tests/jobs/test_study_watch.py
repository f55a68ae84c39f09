"""What stands on the screen, or in a log, while a study of made-up jobs runs."""

from __future__ import annotations

import io
import logging
import time
from pathlib import Path

import pytest

from exitprune.jobs.study_progress import Job
from exitprune.jobs.study_watch import Watch
from tests.jobs.made_up import job, say


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def logger() -> logging.Logger:
    return logging.Logger("workflow")


def watched(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, logger: logging.Logger, plan: list[Job]) -> None:
    monkeypatch.setattr("exitprune.jobs.study_watch.TICK", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    watch = Watch("digits", plan, 2, logger, stream)
    watch.start()
    time.sleep(0.1)
    logger.error("a message")
    watch.stop()


def test_on_a_terminal_it_is_one_line_that_messages_do_not_run_into(
    monkeypatch: pytest.MonkeyPatch, logger: logging.Logger
) -> None:
    terminal = Terminal()
    logger.addHandler(logging.StreamHandler(terminal))
    watched(monkeypatch, terminal, logger, [job(10_000)])
    lines = terminal.getvalue().split("\n")
    assert len(lines) == 2  # the message is a line, and nothing else is
    assert lines[0].endswith("\x1b[Ka message")
    assert "digits: 0%, 0 of 1 job, about 2 h 50 min left\r" in lines[0]
    assert lines[1].endswith("\r\x1b[K")
    assert len(logger.handlers) == 1


def test_in_a_log_it_is_silent_for_twenty_seconds(monkeypatch: pytest.MonkeyPatch, logger: logging.Logger) -> None:
    log = io.StringIO()
    watched(monkeypatch, log, logger, [job(10_000)])
    assert log.getvalue() == ""


def test_in_a_log_it_is_a_plain_line_now_and_then(monkeypatch: pytest.MonkeyPatch, logger: logging.Logger) -> None:
    log = io.StringIO()
    began = time.monotonic()
    monkeypatch.setattr("exitprune.jobs.study_watch.time.monotonic", lambda: began)
    monkeypatch.setattr("exitprune.jobs.study_watch.TICK", 0.01)
    watch = Watch("digits", [job(10_000)], 2, logger, log)
    watch.start()
    monkeypatch.setattr("exitprune.jobs.study_watch.time.monotonic", lambda: began + 25)
    time.sleep(0.1)
    watch.stop()
    assert log.getvalue() == "digits: 0%, 0 of 1 job, about 2 h 50 min left\n"


def test_what_earlier_runs_said_is_forgotten(
    monkeypatch: pytest.MonkeyPatch, logger: logging.Logger, tmp_path: Path
) -> None:
    file = say(tmp_path / "a.progress", 500, 1_000, 20.0)
    watched(monkeypatch, io.StringIO(), logger, [job(14, 1_000, file=file)])
    assert not file.exists()
