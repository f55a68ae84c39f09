"""Every stage runs on every architecture, and each level is evaluated, whether or not it can be taken apart."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from exitprune.networks.operations import CannotFollow, Piece
from exitprune.variants import variant
from tests.architectures import IN_BLOCKS
from tests.small_study import TRAINING, Study

BRIEF = {**TRAINING, "epochs": 1}


def study_of(name: str, path: Path, **changed: object) -> Study:
    own = variant("architectures", name).SMALLEST
    model = {"architecture": name, "depth": None, **own, "exits": [1, 2], "pool": 2}
    return Study(path, {"model": model, "rounds": 1, "base": BRIEF, "recovery": BRIEF, "finetune": BRIEF, **changed})


@pytest.mark.slow
@pytest.mark.parametrize("granularity", ["weight", "filter"])
@pytest.mark.parametrize("name", IN_BLOCKS)
def test_a_seed_runs_from_images_to_tables(name: str, granularity: str, tmp_path: Path) -> None:
    study_of(name, tmp_path, granularity=granularity).run("joint")
    emptied = pd.read_csv(tmp_path / "tables/emptied.csv")
    assert (emptied["macs_after_removal"] <= emptied["macs_dense"]).all()
    if granularity == "filter":
        assert emptied["macs_after_removal"].iloc[-1] < emptied["macs_dense"].iloc[-1]


def test_a_network_that_cannot_be_taken_apart_is_evaluated_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Piece:
        raise CannotFollow("block 1 has something, which cannot be taken apart")

    study = study_of("resnet", tmp_path)
    monkeypatch.setattr("exitprune.networks.architectures.trace", refuse)
    study.run("joint")
    emptied = pd.read_csv(tmp_path / "tables/emptied.csv")
    assert emptied["macs_after_removal"].isna().all()
    assert emptied["branches"].isna().all()
    assert (emptied["filters"] > 0).all()
    exits = pd.read_csv(tmp_path / "tables/exits.csv")
    assert exits["accuracy"].between(0, 1).all()
