"""Nothing that was computed vanishes by a command of the README, in whatever order."""

from __future__ import annotations

import hashlib
import time

import pytest

from .repository import Repository

pytestmark = pytest.mark.slow


def computed(repository: Repository) -> set[str]:
    """Digests of all checkpoints and logits, wherever they are."""
    places = ("runs", ".exitprune/made")
    files = [path for place in places for path in (repository.path / place).rglob("*.safetensors")]
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def trained_since(repository: Repository, moment: float) -> list[str]:
    """The jobs that have trained since then, by their logs."""
    logs = [log for log in (repository.path / "logs").rglob("*.log") if log.stat().st_mtime > moment]
    return [log.name for log in logs if ", epoch " in log.read_text()]


@pytest.fixture
def reproduced(fresh: Repository) -> Repository:
    """Snakemake alone has run; DVC knows nothing of it."""
    fresh.snakemake()
    return fresh


def test_an_experiment_after_snakemake_alone_loses_nothing(reproduced: Repository) -> None:
    bystander = reproduced.path / "runs/bystander/base.safetensors"
    note = reproduced.path / "runs/smoke/note.txt"
    bystander.parent.mkdir()
    bystander.write_text("hours")
    note.write_text("somebody's")
    before = computed(reproduced)
    base = (reproduced.path / "runs/smoke/seed0/base.safetensors").stat().st_mtime_ns
    reproduced.run("dvc", "exp", "run", "--set-param", "finetune.lr=0.013")
    assert bystander.read_text() == "hours"
    assert note.read_text() == "somebody's"
    assert before < computed(reproduced)
    assert (reproduced.path / "runs/smoke/seed0/base.safetensors").stat().st_mtime_ns == base
    reproduced.set_params(finetune={"lr": None})
    after = computed(reproduced)
    since = time.time()
    reproduced.snakemake()
    assert computed(reproduced) == after
    assert trained_since(reproduced, since) == []
