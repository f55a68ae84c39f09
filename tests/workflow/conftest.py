"""Repositories in which nothing has run, and in which the tiny study has."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from .repository import Repository, new_repository


@pytest.fixture
def fresh(tmp_path: Path) -> Repository:
    """A repository in which nothing has run; its path has a space in it."""
    return new_repository(tmp_path / "a clone")


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Repository:
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent  # one for all workers
    path = shared / "finished" / "a clone"
    with FileLock(shared / "finished.lock"):
        if not (shared / "finished.done").exists():
            repository = new_repository(path)
            repository.run("dvc", "repro")
            repository.commit()
            (shared / "finished.done").touch()
    return Repository(path)


@pytest.fixture
def finished(_finished: Repository, tmp_path: Path) -> Repository:
    """A copy of a repository in which `dvc repro` has run the tiny study; everything is committed."""
    return _finished.copy(tmp_path / "a finished clone")
