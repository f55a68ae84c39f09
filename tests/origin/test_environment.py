"""Provenance: the code a stage depends on, and where results were made."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from exitprune.origin.digests import digest, fingerprint
from exitprune.origin.environment import environment, merged
from exitprune.origin.levels import code_of


def test_the_digest_is_of_the_contents_in_order(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("1")
    second.write_text("2")
    assert digest([first, second]) != digest([second, first])
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_environments_that_differ_show_each_value() -> None:
    one = {"commit": "abc", "dirty": False, "python": "3.11", "versions": {"torch": "2.11"}, "machine": "Linux"}
    other = {**one, "commit": "def", "dirty": True, "versions": {"torch": "2.12"}}
    both = merged([one, other, one])
    assert both["commit"] == "abc, def"
    assert both["dirty"]
    assert both["versions"] == {"torch": "2.11, 2.12"}


def test_code_that_is_not_committed_makes_a_tree_dirty_and_notes_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> None:
        who = ["-c", "user.name=tester", "-c", "user.email=tester@example.invalid"]
        subprocess.run(["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "src").mkdir()
    (tmp_path / "src/old.py").write_text("old = 1")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    monkeypatch.setattr("exitprune.origin.environment.SOURCE", tmp_path / "src")
    (tmp_path / "notes.txt").write_text("not code")
    assert not environment()["dirty"]
    (tmp_path / "src/mine.py").write_text("new = 1")
    assert environment()["dirty"]
    git("add", "src")
    git("commit", "-m", "second")
    assert not environment()["dirty"]
    (tmp_path / "src/old.py").write_text("old = 2")
    assert environment()["dirty"]


def test_a_level_of_a_gpu_or_of_another_torch_is_not_one_of_this_cpu_and_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    here = code_of("prune", torch.device("cpu"), {})
    assert here != code_of("prune", torch.device("cuda"), {})
    monkeypatch.setattr(torch, "__version__", "0.1")
    assert here != code_of("prune", torch.device("cpu"), {})
    assert environment("an accelerator")["machine"].endswith(", an accelerator")
