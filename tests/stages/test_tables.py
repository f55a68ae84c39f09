"""The stage that makes tables: files in, files out, and files that do not belong together refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from exitprune.errors import BadInput
from exitprune.stages.tables import main
from tests.synthetic import AS_CIFAR10, EVALUATE, MODEL, settings, write_data, write_run, write_study

SETTINGS = settings(model=MODEL, granularity="weight", evaluate=EVALUATE)


def made(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in [*(folder / "tables").iterdir(), folder / "summary.json"]}


def test_the_same_logits_give_the_same_bytes(tmp_path: Path) -> None:
    data, evaluation = write_study(tmp_path, seeds=(0, 1), rounds=2)
    for again in ("first", "second"):
        main(SETTINGS, data, evaluation, tmp_path / again / "tables", tmp_path / again / "summary.json")
    assert made(tmp_path / "first") == made(tmp_path / "second")


def test_every_number_of_the_summary_is_of_this_study_and_tables_of_an_earlier_one_go(tmp_path: Path) -> None:
    data, evaluation = write_study(tmp_path, seeds=(0,), rounds=1)
    stale = tmp_path / "tables" / "of_an_earlier_version.csv"
    stale.parent.mkdir()
    stale.write_text("a\n1\n")
    main(SETTINGS, data, evaluation, tmp_path / "tables", tmp_path / "summary.json")
    assert not stale.exists()
    exits = pd.read_csv(tmp_path / "tables" / "exits.csv").query("state == 'pruned' and split == 'test' and exit == 6")
    summary = json.loads((tmp_path / "summary.json").read_text())
    for recipe in ("joint", "sequential"):
        accuracy = exits.loc[exits["recipe"] == recipe, "accuracy"].iloc[0]
        assert summary[recipe]["pruned"]["last_exit_accuracy"] == pytest.approx(accuracy, abs=1e-8)


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
    run = write_run(tmp_path / "run", 0, "joint", labels, rounds=1)
    main(SETTINGS, tmp_path / "data.safetensors", [run], tmp_path / "tables", tmp_path / "summary.json")
    table = pd.read_csv(tmp_path / "tables" / "paper_comparison.csv")
    assert table["comparable"].unique().tolist() == [comparable]


def test_another_network_than_the_papers_has_no_comparison(tmp_path: Path) -> None:
    data, evaluation = write_study(tmp_path, seeds=(0,), recipes=("joint",), rounds=1)
    other = MODEL.model_copy(update={"depth": 110})
    main(
        settings(model=other, granularity="weight", evaluate=EVALUATE),
        data,
        evaluation,
        tmp_path / "tables",
        tmp_path / "summary.json",
    )
    assert pd.read_csv(tmp_path / "tables" / "paper_comparison.csv").empty


def test_logits_that_are_not_those_of_the_evaluation_are_refused_by_name(tmp_path: Path) -> None:
    data, evaluation = write_study(tmp_path, seeds=(0,), recipes=("joint",), rounds=1)
    logits = evaluation[0].parent / "logits"
    (logits / "recovered.safetensors").write_bytes((logits / "level-00.safetensors").read_bytes())
    with pytest.raises(BadInput, match=r"recovered\.safetensors: not the file that .*evaluation\.json"):
        main(SETTINGS, data, evaluation, tmp_path / "tables", tmp_path / "summary.json")
    assert not (tmp_path / "summary.json").exists()


def test_logits_of_other_images_are_refused_by_name(tmp_path: Path) -> None:
    labels = write_data(tmp_path / "other.safetensors", {"train": 1, "validation": 60, "test": 50})
    data, _ = write_study(tmp_path, seeds=(0,), recipes=("joint",), rounds=1)
    run = write_run(tmp_path / "run", 0, "joint", labels, rounds=1)
    with pytest.raises(BadInput, match=r"level-00\.safetensors: 50 test images, the data have 90"):
        main(SETTINGS, data, [run], tmp_path / "tables", tmp_path / "summary.json")
