"""Distances of the grid's chains from the paper's charts, on networks whose distance is known."""

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
from exitprune.jobs.levels import level_path
from exitprune.jobs.provenance import digest
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import apply_masks_, full_masks
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
    apply_masks_(network, masks)
    save_checkpoint(path, network, masks, {"name": "level-01", "key": folder.name})
    write_json(folder / "levels.json", {"levels": {path.name: digest([path])}})
    return folder / "levels.json"


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """A chain whose layers are as sparse as in the paper's chart, and one that is not pruned."""
    chart = paper.layer_sparsity().set_index("layer")["together"].to_dict()
    chains = [write_chain(tmp_path / "joint", chart), write_chain(tmp_path / "sequential", {})]
    points = [
        {"pool": 1, "scope": "global", "recipe": "joint", "seed": 0},
        {"pool": None, "scope": "layer", "recipe": "sequential", "seed": 0},
    ]
    write_data(tmp_path / "data.safetensors")
    settings = json.dumps({"architecture": "resnet", "points": points, "rounds": 1, "epochs": 0.5, "compute": COMPUTE})
    grid.main(settings, tmp_path / "data.safetensors", chains, tmp_path / "grid.csv")
    return pd.read_csv(tmp_path / "grid.csv")


def test_a_row_for_every_point_and_quantity(table: pd.DataFrame) -> None:
    assert table[["pool", "scope", "seed", "quantity", "recipe"]].to_numpy().tolist() == [
        ["1", "global", 0, "layer sparsity", "joint"],
        ["1", "global", 0, "exit accuracy", "joint"],
        ["none", "layer", 0, "layer sparsity", "sequential"],
        ["none", "layer", 0, "exit accuracy", "sequential"],
    ]
    assert table["key"].tolist() == ["joint", "joint", "sequential", "sequential"]
    assert not table["comparable"].any()  # the made-up images are digits


def test_sparsity_is_compared_layer_by_layer(table: pd.DataFrame) -> None:
    as_drawn, unpruned = table[table["quantity"] == "layer sparsity"].to_dict("records")
    assert as_drawn["mean_absolute_difference"] < 0.005
    assert as_drawn["rank_correlation"] > 0.99
    chart = paper.layer_sparsity()["separately"]
    assert unpruned["mean_absolute_difference"] == pytest.approx(chart.mean())


def test_accuracy_is_that_on_validation_images(table: pd.DataFrame, tmp_path: Path) -> None:
    images = load_split(tmp_path / "data.safetensors", "validation")
    network = load_checkpoint(tmp_path / "sequential/level-01.safetensors").network.eval()
    with torch.no_grad():
        answers = network(images.normalise(images.pixels)).argmax(dim=-1)
    accuracy = (answers == images.labels).double().mean(dim=-1)
    expected = (
        (accuracy - torch.tensor(paper.exit_accuracy().query("approach == 'separately'")["after"].to_numpy()))
        .abs()
        .mean()
    )
    shown = table.query("quantity == 'exit accuracy' and recipe == 'sequential'")["mean_absolute_difference"].item()
    assert shown == pytest.approx(float(expected), abs=1e-6)
