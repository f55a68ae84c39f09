"""Networks of torchvision, of timm and of one's own go through the stages, weights from a file, on a folder of images."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from exitprune.config.data import DataSource
from exitprune.errors import BadInput
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.early_exit import Spec
from exitprune.networks.masks import sparsity
from exitprune.storage import read_header
from tests.small_study import TRAINING, Study

SIDE, CLASSES = 32, ("dark", "light")
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
ONCE = {**TRAINING, "epochs": 1, "lr": 0.01, "batch_size": 4}
HAS_TIMM = importlib.util.find_spec("timm") is not None


def mine(channels: int, num_classes: int) -> nn.Module:
    """A network of one's own."""
    convolutions = [nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A few, of mixed sizes, of two classes."""
    draw = np.random.default_rng(0)
    for split, num in (("train", 8), ("test", 4)):
        for light, name in enumerate(CLASSES):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for number in range(num):
                height, width = draw.integers(20, 60, 2)
                pixels = draw.integers(0, 128, (height, width, 3), np.uint8) + 120 * light
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "images"


def study_of(model: dict[str, Any], images: Path, path: Path) -> Study:
    """Its images are normalised as a network wants them."""
    data = {"source": "folder", "path": str(images), "size": [SIDE, SIDE], "limit": None, "mean": MEAN, "std": STD}
    once = {
        "base": {**ONCE, "lr": 1e-5},
        "finetune": ONCE,
        "recovery": ONCE,
        "heads": {**ONCE, "train": "frozen", "when": "before"},
    }
    return Study(path, {"data": data, "model": {"depth": None, "pool": 1, **model}, "rounds": 1, **once})


OWN = {"architecture": "python", "name": f"{__name__}:mine", "exits": ["1", "3"]}
SHUFFLENET = {"architecture": "torchvision", "name": "shufflenet_v2_x0_5", "exits": ["stage2", "stage3"]}
MOBILENET = {"architecture": "timm", "name": "mobilenetv3_small_050", "exits": ["blocks.1", "blocks.3"]}
without_timm = pytest.mark.skipif(not HAS_TIMM, reason="timm is not installed")


@pytest.mark.parametrize(
    ("model", "ending"),
    [
        pytest.param(OWN, "pt", id="own"),
        pytest.param(OWN, "safetensors", id="own-safetensors"),
        pytest.param(SHUFFLENET, "pt", id="torchvision", marks=pytest.mark.slow),
        pytest.param(MOBILENET, "safetensors", id="timm", marks=[pytest.mark.slow, without_timm]),
    ],
)
def test_weights_of_a_file_are_tuned_pruned_and_judged_on_a_folder_of_mixed_sizes(
    model: dict[str, Any], ending: str, images: Path, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    settings = {"name": model["name"]}
    given = Spec(model["architecture"], settings, 3, SIDE, SIDE, 1000, (), None).build_base().whole.state_dict()
    file = tmp_path / f"weights.{ending}"
    save_file(given, file) if ending == "safetensors" else torch.save(given, file)
    study = study_of({**model, "weights": str(file)}, images, tmp_path)
    study.run("joint")
    trained = load_checkpoint(tmp_path / "base.safetensors")
    first = next(name for name, value in given.items() if value.dim() == 4)
    moved = (trained.network.base.whole.state_dict()[first] - given[first]).abs().max()
    assert 0 < moved < 0.1 * given[first].abs().max()
    assert trained.network.spec.num_classes == len(CLASSES)
    levels = load_checkpoint(tmp_path / "joint/recovered.safetensors")
    assert abs(sparsity(levels.masks) - 0.7) < 0.01
    assert levels.header["mean"] == MEAN
    assert (tmp_path / "tables/exits.csv").is_file()


def test_images_are_other_images_where_they_are_normalised_otherwise(images: Path, tmp_path: Path) -> None:
    study = study_of(OWN, images, tmp_path)
    study.run_data()
    own = read_header(study.data)["manifest"]
    assert (own["mean"], own["std"]) == (MEAN, STD)
    assert own == json.loads((tmp_path / "data.json").read_text())
    study = Study(tmp_path, {**study.changed, "data": {**study.changed["data"], "mean": None, "std": None}})
    study.run_data()
    plain = read_header(study.data)["manifest"]
    assert plain["sha256"] != own["sha256"]
    assert plain["mean"] != MEAN


def test_as_many_means_as_channels_are_wanted(images: Path, tmp_path: Path) -> None:
    study = study_of(OWN, images, tmp_path)
    grey = Study(tmp_path, {**study.changed, "data": {**study.changed["data"], "mean": [0.5], "std": [0.2]}})
    with pytest.raises(BadInput, match=r"data.mean: 1 given, and the images have 3 channels; give one for each"):
        grey.run_data()


def test_nothing_is_said_of_a_mean_that_is_not_set() -> None:
    plain = {"source": "digits", "validation": 0.1, "test": 0.2, "limit": None, "seed": 0}
    assert not {"mean", "std"} & DataSource.model_validate(plain).model_dump().keys()
    told = DataSource.model_validate({**plain, "mean": [0], "std": [0.5]}).model_dump()
    assert (told["mean"], told["std"]) == ([0], [0.5])
