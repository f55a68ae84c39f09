"""What is kept of records that are computed anew."""

from __future__ import annotations

import json
from pathlib import Path

from exitprune.origin.record_fit import FILE, aside_of, keep_aside


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
