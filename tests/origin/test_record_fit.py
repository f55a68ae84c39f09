"""What is kept of records that are computed anew."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from exitprune.errors import BadInput
from exitprune.origin.record_fit import FILE, aside_of, keep_aside, misfit


def write(folder: Path, day: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    made_of = {"settings": {"sparsity": 0.6}, "contents": None, "code": {}}
    (folder / FILE).write_text(json.dumps({"made_of": made_of, "origin": {"day": day}}))
    return (folder / FILE).read_text()


def test_every_record_that_is_replaced_is_kept_though_its_ingredients_were_those_of_one_before(tmp_path: Path) -> None:
    folder, store = tmp_path / "0-joint", tmp_path / "store"
    told = []
    for day in ("Monday", "Tuesday", "Tuesday"):
        told.append(write(folder, day))
        keep_aside(folder, store)
        assert (aside_of(folder, store) / FILE).read_text() == told[-1]
    assert {path.read_text() for path in store.rglob(FILE)} == set(told)


def test_a_record_that_was_cut_while_it_was_copied_is_copied_whole_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, store = tmp_path / "0-joint", tmp_path / "store"
    told = write(folder, "Monday")

    def full(_: Path, to: Path, **__: Any) -> None:
        to.mkdir(parents=True)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(shutil, "copytree", full)
        with pytest.raises(BadInput, match=r"0-joint: .*cannot be kept there \(No space left on device\); make room"):
            keep_aside(folder, store)
    keep_aside(folder, store)
    assert (aside_of(folder, store) / FILE).read_text() == told


@pytest.mark.parametrize(
    "made_of",
    [3, {}, {"settings": [], "contents": None, "code": {}}, {"settings": {}, "contents": None, "code": ["a.py"]}],
)
def test_a_file_that_does_not_say_what_it_is_made_of_is_refused_in_a_sentence(tmp_path: Path, made_of: Any) -> None:
    (tmp_path / FILE).write_text(json.dumps({"made_of": made_of}))
    with pytest.raises(BadInput, match="does not say what it is made of"):
        misfit(tmp_path, {"settings": {}, "contents": None, "code": {}})
