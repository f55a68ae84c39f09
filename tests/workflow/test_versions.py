"""Nothing that was computed vanishes by a command of the README, in whatever order."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

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


WALK: dict[str, tuple[tuple[str, ...], ...]] = {
    "snakemake": (("snakemake", "--cores", "2"),),
    "snakemake, another value": (("snakemake", "--cores", "2", "--config", "rounds=1"),),
    "snakemake, another study": (("snakemake", "--cores", "2", "--config", "study=other"),),
    "repro": (("dvc", "repro"),),
    "experiment": (("dvc", "exp", "run", "--force", "--name", "one", "-S", "sparsity=0.9"),),
    "nested": (("dvc", "exp", "run", "--force", "--name", "two", "-S", "recovery.epochs=0"),),
    "aside": (("dvc", "exp", "run", "--force", "--temp", "-S", "finetune.lr=0.02"),),
    "apply": (("dvc", "exp", "apply", "one"),),
    "checkout": (("dvc", "checkout"),),
    "restore": (("git", "checkout", "params.yaml"),),
    "commit": (("git", "add", "--all"), ("git", "commit", "--allow-empty", "--quiet", "--message", "walk")),
    "stash": (("git", "stash"), ("git", "stash", "pop")),
    "back": (("git", "stash"), ("git", "checkout", "--quiet", "HEAD~1"), ("dvc", "checkout")),
    "forth": (("git", "checkout", "--quiet", "main"), ("dvc", "checkout"), ("git", "stash", "pop")),
    "remote": (("dvc", "push"), ("dvc", "pull")),
    "collect": (("dvc", "gc", "--workspace", "--force"),),
}  # fmt: skip
ORDER = (
    *("snakemake", "repro", "commit", "experiment", "snakemake, another study", "apply", "commit"),
    *("snakemake, another value", "collect"),
    *("nested", "stash", "aside", "back", "forth", "remote", "checkout", "restore", "snakemake"),
)
"""Each at least once; `make torture` draws others."""


def test_commands_in_any_order_lose_nothing_and_train_nothing_twice(fresh: Repository, tmp_path: Path) -> None:
    (fresh.path / "presets/other.yaml").write_text("like: smoke\nsparsity: 0.5\n")
    fresh.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    fresh.commit()
    before, keys = computed(fresh), made(fresh)
    assert set(ORDER) == set(WALK)
    for step in ORDER:
        since = time.time()
        for command in WALK[step]:
            said = fresh.run(*command, fails=None)  # some are refused, such as applying what is not there
            assert "Traceback" not in said, (step, said)
        now, keys_now = computed(fresh), made(fresh)
        assert before <= now, step
        assert len(trained_since(fresh, since)) <= len(keys_now - keys), step
        before, keys = now, keys_now
    fresh.run("git", "checkout", "--quiet", "--force", "main")
    fresh.snakemake()
    assert before <= computed(fresh)


def made(repository: Repository) -> set[str]:
    """What the store knows."""
    return {path.name for path in (repository.path / ".exitprune/made").rglob("*.safetensors")}
