"""Every command of docs/dvc.md, in its order, in a throw-away repository."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path

import pytest

from .repository import ROOT, Repository
from .test_versions import computed

PAGE = ROOT / "docs/dvc.md"
SERVERS = "S3, SSH, WebDAV"  # a section whose commands want servers: test_remotes.py


def commands() -> dict[str, list[list[list[str]]]]:
    """Of each section its blocks of shell commands: their lines in words, without comments."""
    sections = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {
        title: [
            [shlex.split(line, comments=True) for line in block.splitlines() if line.strip()]
            for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        ]
        for title, text in sections
    }


def wait_for_the_queue(repository: Repository) -> None:
    """Until no experiment waits or runs."""
    for _ in range(300):
        if not re.search(r"\b(Queued|Running)\b", repository.run("dvc", "queue", "status")):
            return
        time.sleep(2)
    pytest.fail("the queue does not end")


@pytest.mark.slow
def test_every_command_of_the_page_works_and_none_loses_a_checkpoint(finished: Repository, tmp_path: Path) -> None:
    kept: set[str] = set()
    lines = [line for title, blocks in commands().items() if title != SERVERS for block in blocks for line in block]
    for words in lines:
        line = [word.replace("digits", "smoke").replace("/mnt/backup", str(tmp_path)) for word in words]
        if line[:2] == ["dvc", "pull"]:
            finished.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
            Repository(tmp_path / "clone").run("dvc", "pull")
            assert Repository(tmp_path / "clone").would_run() == set()
        else:
            finished.run(*line)
        if line[:3] == ["dvc", "queue", "start"]:
            wait_for_the_queue(finished)
        now = computed(finished)
        assert kept <= now, line
        kept = now
    assert finished.would_run() == set()
