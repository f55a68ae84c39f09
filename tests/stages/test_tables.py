"""The stage that makes tables: records in, files out, and records that do not belong together refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from exitprune.errors import BadInput
from exitprune.reporting.declared import table_names
from exitprune.stages.tables import main
from tests.synthetic import AS_CIFAR10, EVALUATE, settings, write_data, write_run, write_study, write_tables


def made(folder: Path) -> dict[str, bytes]:
    files = [*(folder / "tables").iterdir(), folder / "summary.json", folder / "metrics.json"]
    return {path.name: path.read_bytes() for path in files}


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    records = write_study(tmp_path, seeds=(0, 1), rounds=2)[1]
    for again in ("first", "second"):
        main(settings(evaluate=EVALUATE), records, tmp_path / again / "tables", tmp_path / again / "summary.json")
    assert made(tmp_path / "first") == made(tmp_path / "second")


def test_the_files_written_are_those_that_the_workflow_asks_for(tmp_path: Path) -> None:
    tables = write_tables(tmp_path, write_study(tmp_path, seeds=(0,), rounds=1)[1])
    assert sorted(path.stem for path in tables.iterdir()) == table_names()


def test_every_number_of_the_summary_is_of_this_study_and_tables_of_an_earlier_one_go(tmp_path: Path) -> None:
    stale = tmp_path / "tables" / "of_an_earlier_version.csv"
    stale.parent.mkdir()
    stale.write_text("a\n1\n")
    tables = write_tables(tmp_path, write_study(tmp_path, seeds=(0,), rounds=1)[1])
    assert not stale.exists()
    exits = pd.read_csv(tables / "exits.csv").query("state == 'final' and split == 'test' and exit == 6")
    summary = json.loads((tmp_path / "summary.json").read_text())
    for recipe in ("joint", "sequential"):
        accuracy = exits.loc[exits["recipe"] == recipe, "accuracy"].iloc[0]
        assert summary[recipe]["final"]["last_exit_accuracy"] == pytest.approx(accuracy, abs=1e-8)


@pytest.mark.parametrize(
    ("manifest", "comparable"),
    [
        ({}, False),
        ({**AS_CIFAR10, "source": "folder"}, True),
        ({name: value for name, value in AS_CIFAR10.items() if name != "counts"}, False),
    ],
)
def test_the_papers_numbers_are_comparable_on_its_own_data_alone(
    tmp_path: Path, manifest: dict[str, Any], comparable: bool
) -> None:
    labels = write_data(tmp_path / "data.safetensors", **manifest)
    tables = write_tables(tmp_path, [write_run(tmp_path, 0, "joint", labels, rounds=1)])
    table = pd.read_csv(tables / "paper_comparison.csv")
    assert table["comparable"].unique().tolist() == [comparable]


def test_records_that_do_not_belong_together_leave_the_tables_as_they_are(tmp_path: Path) -> None:
    records = write_study(tmp_path, seeds=(0,), recipes=("joint",), rounds=1)[1]
    write_tables(tmp_path, records)
    before = made(tmp_path)
    labels = write_data(tmp_path / "other" / "data.safetensors", sha256="1" * 64)
    with pytest.raises(BadInput, match="of other images"):
        write_tables(tmp_path, [*records, write_run(tmp_path / "other", 1, "joint", labels, rounds=1)])
    assert made(tmp_path) == before
