"""The table of a grid, on networks whose accuracy and distance from the paper are known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from exitprune.data.images import load_split
from exitprune.evaluation import paper
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import apply_masks_, full_masks
from exitprune.origin.digests import digest
from exitprune.origin.levels import level_path
from exitprune.stages import grid
from exitprune.storage import write_json
from tests.synthetic import write_data

COMPUTE = {"device": "cpu", "threads": 1, "precision": "float32", "compile": False}


def write_chain(folder: Path, sparsity: Mapping[Any, float]) -> Path:
    """levels.json of one level, in which each layer has a given sparsity; without any it is the network as drawn."""
    torch.manual_seed(0)
    network = EarlyExitNetwork(Spec(paper.ARCHITECTURE, {"depth": paper.DEPTH}, 1, 8, 8, 10, tuple(paper.EXITS), 1))
    masks = full_masks(network)
    for name, share in sparsity.items():
        masks[name].view(-1)[: round(share * masks[name].numel())] = False
    apply_masks_(network, masks)
    path = level_path(folder, 1)
    save_checkpoint(path, network, masks, {"name": "level-01", "key": folder.name})
    write_json(folder / "levels.json", {"levels": {path.name: digest([path])}})
    return folder / "levels.json"


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """A chain whose layers are as sparse as in the paper's chart, and one that is not pruned."""
    chart = paper.layer_sparsity().set_index("layer")[paper.TOGETHER].to_dict()
    levels = [write_chain(tmp_path / "joint", chart), write_chain(tmp_path / "other", {})]
    chains = [
        {"point": {"heads.lr": 0.1, "model.pool": 1}, "recipe": "joint", "seed": 7, "papers_network": True},
        {"point": {"heads.lr": 0.2, "model.pool": "none"}, "recipe": "other", "seed": 7, "papers_network": True},
    ]
    write_data(tmp_path / "data.safetensors")
    settings = {"architecture": "resnet", "chains": chains, "compute": COMPUTE}
    before = [level_path(tmp_path / "other", 1)] * 2
    grid.main(json.dumps(settings), tmp_path / "data.safetensors", levels, before, tmp_path / "grid.csv")
    return pd.read_csv(tmp_path / "grid.csv")


def test_a_row_for_every_chain_says_its_point(table: pd.DataFrame) -> None:
    assert table[["heads.lr", "model.pool", "recipe", "seed"]].to_numpy().tolist() == [
        [0.1, "1", "joint", 7],
        [0.2, "none", "other", 7],
    ]
    assert table["key"].tolist() == ["joint", "other"]


def test_layers_are_held_against_the_charts_of_the_approach_that_a_recipe_follows(table: pd.DataFrame) -> None:
    as_drawn, other = table.to_dict("records")
    assert as_drawn["layer sparsity"] < 0.005
    assert as_drawn["layer order"] > 0.99
    assert not as_drawn["comparable"]  # the made-up images are digits
    assert pd.isna(other["layer sparsity"])


def test_accuracy_is_that_on_validation_images(table: pd.DataFrame, tmp_path: Path) -> None:
    images = load_split(tmp_path / "data.safetensors", "validation")
    network = load_checkpoint(level_path(tmp_path / "other", 1)).network.eval()
    with torch.no_grad():
        answers = network(images.normalise(images.pixels)).argmax(dim=-1)
    accuracy = (answers == images.labels).double().mean(dim=-1).tolist()
    shown = table.iloc[1]
    assert [shown[f"exit{number}"] for number in range(7)] == pytest.approx(accuracy, abs=1e-6)
    assert [shown[f"exit{number}_before"] for number in range(7)] == pytest.approx(accuracy, abs=1e-6)
    assert shown["mean_accuracy"] == pytest.approx(sum(accuracy) / 7, abs=1e-6)


def test_a_network_that_cannot_be_folded_is_looked_at_as_it_is(tmp_path: Path) -> None:
    network = EarlyExitNetwork(Spec("resnet", {"depth": 8}, 1, 8, 8, 10, (1,), 1))
    write_data(tmp_path / "data.safetensors")
    images = load_split(tmp_path / "data.safetensors", "validation")
    plain = grid.accuracy(network, images)
    network.add_gates_()
    assert len(grid.accuracy(network, images)) == len(plain) == 2
