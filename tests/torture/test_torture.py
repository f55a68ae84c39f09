"""The page of docs is what the command wrote, and the command finds faults."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.torture import Row, bits, kills, orders, table
from tests.torture.__main__ import DOCS
from tests.workflow.repository import Repository

LEAST = {"kills": 60, "foreign files": 60, "bad inputs": 40}


def test_every_flipped_bit_is_noticed() -> None:
    assert [row for row in bits.run(random.Random(0), 10) if row.held < row.tried] == []


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [
        Row("a running study: job", "SIGKILL", 3, 2, kills.OUTCOME),
        Row("what was given", "files", 5, 5, "refused"),
    ]
    table.write([*rows, Row("a running study: dvc", "SIGINT", 0, 0, kills.OUTCOME)], tmp_path)
    assert table.read(tmp_path) == rows
    page = (tmp_path / table.PAGE).read_text()
    assert "| a running study: job | SIGKILL | 3 | 2 |" in page
    assert "2 of 3 kills ended with the same bytes; 5 of 5 damaged" in page


def test_rows_replace_those_of_the_same_thing_or_are_added_to_them() -> None:
    old = [Row("a", "x", 2, 2, "o"), Row("a", "y", 1, 1, "o"), Row("b", "x", 1, 0, "o")]
    new = [Row("a", "x", 3, 2, "o")]
    assert table.merged(old, new, add=False) == [new[0], old[2]]
    assert table.merged(old, new, add=True) == [Row("a", "x", 5, 4, "o"), *old[1:]]


@pytest.mark.skipif(not (DOCS / table.DATA).exists(), reason="make torture has not been run yet")
def test_the_published_page_is_that_of_the_published_table() -> None:
    rows = table.read(DOCS)
    assert (DOCS / table.PAGE).read_text() == table.page(rows)
    tried = {
        "kills": sum(row.tried for row in rows if row.how.startswith("SIG")),
        "foreign files": sum(row.tried for row in rows if row.how == "foreign file"),
        "bad inputs": sum(row.tried for row in rows if row.how.startswith("bad ")),
    }
    assert {what: num for what, num in tried.items() if num < LEAST[what]} == {}


def test_what_is_nowhere_any_more_is_noticed_and_what_was_moved_or_committed_is_not(tmp_path: Path) -> None:
    clone = orders.Clone(Repository(tmp_path), random.Random(0))
    for name in ("runs/a.safetensors", "runs/b.safetensors", "presets/c.yaml", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    clone.repository.run("git", "init", "--quiet")
    clone.repository.run("git", "add", "presets")
    before = clone.files()
    (tmp_path / ".exitprune").mkdir()
    (tmp_path / "runs/a.safetensors").rename(tmp_path / ".exitprune/a")
    (tmp_path / "presets/c.yaml").unlink()
    assert clone.faults("snakemake", before) == []
    (tmp_path / "runs/b.safetensors").write_text("another")
    (tmp_path / "notes.txt").write_text("another")
    assert clone.faults("snakemake", before) == [
        "notes.txt has changed",
        "notes.txt is nowhere any more",
        "runs/b.safetensors is nowhere any more",
    ]


@pytest.mark.slow
def test_a_few_kills_leave_the_same_bytes() -> None:
    with ThreadPoolExecutor(1) as beside:
        wanted = beside.submit(kills.undisturbed)
        rows = list(kills.run(random.Random(0), wanted, 3, minutes=10, num_studies=1))
    assert sum(row.tried for row in rows) >= 3
    assert all(row.held == row.tried for row in rows)
