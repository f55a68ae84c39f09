"""The tiny study on another network, and on one that cannot be taken apart, from images to report."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .repository import Repository

CLOSED = """
from typing import Literal

import torch
from torch import Tensor, nn

from exitprune.config.model import ArchitectureSettings
from exitprune.networks.architectures import Blocks

SMALLEST = {}


class Settings(ArchitectureSettings):
    @property
    def title(self) -> str:
        return "a closed network"

    @property
    def num_blocks(self) -> int:
        return 3


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.special.erf(self.conv(x))


class Closed(Blocks):
    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 8, 3, padding=1)
        self.blocks = nn.ModuleList(Block() for _ in range(3))
        self.fc = nn.Linear(8, num_classes)

    def stem(self, x: Tensor) -> Tensor:
        return self.conv(x)

    def classify(self, features: Tensor) -> Tensor:
        return self.fc(features.mean((2, 3)))


def build(settings: Settings, channels: int, num_classes: int) -> Closed:
    return Closed(channels, num_classes)
"""


def page(repository: Repository) -> str:
    return (repository.path / "results/smoke/report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("granularity", ["weight", "filter"])
def test_the_study_runs_on_vgg_from_images_to_report_and_export(
    fresh: Repository, granularity: str, tmp_path: Path
) -> None:
    model = {"architecture": "vgg", "depth": 11, "width": 0.125, "exits": [2, 4]}
    fresh.set_params(model=model, granularity=granularity, rounds=1)
    fresh.snakemake()
    assert "VGG-11" in page(fresh)
    level = "runs/smoke/seed0/joint/recovered.safetensors"
    fresh.run("python", "-m", "exitprune", "export", level, "--out", str(tmp_path / "model"))
    card = json.loads((tmp_path / "model/model-card.json").read_text())
    assert card["network"]["architecture"] == "vgg"
    assert [row["after_block"] for row in card["exits"]] == [2, 4, 7]


@pytest.mark.slow
def test_the_study_runs_on_a_network_of_torchvision_and_names_its_exits_where_they_cannot_be(
    fresh: Repository, tmp_path: Path
) -> None:
    model = {
        "architecture": "torchvision",
        "name": "shufflenet_v2_x0_5",
        "exits": ["stage2.1.branch2", "stage3"],
        "pool": 1,
    }
    fresh.set_params(model=model, data={"size": 32}, rounds=1, seeds=[0])
    refused = fresh.snakemake(fails=True)
    assert "more than the map after stage2.1.branch2 carries on in shufflenet_v2_x0_5" in refused
    assert "the nearest point that works: stage2" in refused
    assert "Traceback" not in refused
    assert not list(fresh.path.glob("runs/**/*.safetensors"))
    fresh.set_params(model={**model, "exits": ["stage2.1", "stage3"]})
    fresh.snakemake()
    assert "shufflenet_v2_x0_5" in page(fresh)
    level = "runs/smoke/seed0/joint/recovered.safetensors"
    fresh.run("python", "-m", "exitprune", "export", level, "--out", str(tmp_path / "model"))
    card = json.loads((tmp_path / "model/model-card.json").read_text())
    assert [row["after_block"] for row in card["exits"]] == ["stage2.1", "stage3", "classifier"]


ELSEWHERE = """
from torch import nn

def net(channels, num_classes):
    return nn.Sequential(nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, num_classes))
"""


@pytest.mark.slow
def test_a_network_in_a_file_elsewhere_is_found_by_jobs_too(fresh: Repository, tmp_path: Path) -> None:
    (tmp_path / "a_network_elsewhere.py").write_text(ELSEWHERE)
    model = {"architecture": "python", "name": "a_network_elsewhere:net", "exits": ["1"], "pool": 1}
    fresh.set_params(model=model)
    there = f"PYTHONPATH={fresh.path / 'src'}{os.pathsep}{tmp_path}"
    fresh.run("env", there, "snakemake", "--cores", "2", "runs/smoke/seed0/base.safetensors")
    assert (fresh.path / "runs/smoke/seed0/base.safetensors").is_file()


@pytest.mark.slow
def test_a_network_that_cannot_be_taken_apart_is_pruned_by_weights_and_refused_where_it_would_be(
    fresh: Repository,
) -> None:
    (fresh.path / "src/exitprune/networks/architectures/closed.py").write_text(CLOSED)
    fresh.set_params(model={"architecture": "closed", "exits": [1, 2]}, granularity="filter", rounds=1)
    refused = fresh.snakemake(fails=True)
    assert "block 1 has special_erf" in refused
    assert "Traceback" not in refused
    assert not list(fresh.path.glob("runs/**/*.safetensors"))
    fresh.set_params(granularity="weight")
    fresh.snakemake()
    assert "a closed network" in page(fresh)
    level = "runs/smoke/seed0/joint/recovered.safetensors"
    refused = fresh.run("python", "-m", "exitprune", "export", level, "--out", "model", fails=True)
    assert "which cannot be taken apart" in refused
    assert "Traceback" not in refused
