"""What is kept by its ingredients outlives whatever happens in the folders people see."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from exitprune.errors import BadInput
from exitprune.jobs.store import Store, clone_of
from exitprune.storage import write_tensors


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store(tmp_path / "store")


def made(path: Path, key: str, value: float = 1.0) -> Path:
    """A file made from the ingredients that the key stands for."""
    write_tensors(path, {"weight": torch.full((3,), value)}, {"key": key})
    return path


def test_what_was_kept_is_taken_after_its_file_is_gone(store: Store, tmp_path: Path) -> None:
    file = made(tmp_path / "level.safetensors", "k")
    content = file.read_bytes()
    store.keep(file, "k")
    file.unlink()
    assert store.take(file, "k")
    assert file.read_bytes() == content
    assert not store.take(tmp_path / "other.safetensors", "another key")


def test_a_file_that_is_replaced_stays_kept(store: Store, tmp_path: Path) -> None:
    file = made(tmp_path / "level.safetensors", "old", 1)
    store.keep(file, "old")
    content = file.read_bytes()
    made(file, "new", 2)
    store.keep(file, "new")
    assert store.take(file, "old")
    assert file.read_bytes() == content


def test_a_file_that_is_there_already_is_kept_as_soon_as_it_is_met(store: Store, tmp_path: Path) -> None:
    file = made(tmp_path / "level.safetensors", "k")
    assert store.take(file, "k")
    file.unlink()
    assert store.take(file, "k")


def test_the_state_of_a_training_is_never_taken_for_what_it_will_write(store: Store, tmp_path: Path) -> None:
    store.adopt(made(tmp_path / "base.partial.safetensors", "k"))
    assert not store.take(tmp_path / "base.safetensors", "k")
    store.adopt(made(tmp_path / "level.safetensors", "k"))
    assert store.take(tmp_path / "base.safetensors", "k")


def test_a_damaged_file_is_set_aside_and_not_taken(store: Store, tmp_path: Path) -> None:
    file = made(tmp_path / "level.safetensors", "k")
    store.keep(file, "k")
    assert store.folder is not None
    kept = next(store.folder.rglob("k.safetensors"))
    kept.write_bytes(kept.read_bytes()[:-2])
    file.unlink()
    assert not store.take(file, "k")
    assert kept.with_suffix(".damaged").exists()


def test_a_foreign_file_in_the_way_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "level.safetensors").write_bytes(b"somebody's")
    with pytest.raises(BadInput):
        store.take(tmp_path / "level.safetensors", "k")


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    file = made(tmp_path / "level.safetensors", "k")
    Store(None).keep(file, "k")
    file.unlink()
    assert not Store(None).take(file, "k")
    assert Store(None).partial("k", file) == tmp_path / "level.partial.safetensors"


def test_an_experiment_in_a_directory_of_its_own_shares_the_store_of_its_clone() -> None:
    assert clone_of(Path("/home/me/clone/.dvc/tmp/exps/tmp1x")) == Path("/home/me/clone")
    assert clone_of(Path("/home/me/clone")) == Path("/home/me/clone")
