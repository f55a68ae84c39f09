from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from exitprune.data.images import Split, load_manifest, load_split
from exitprune.errors import BadInput
from exitprune.stages import data
from exitprune.storage import read_tensors, write_tensors

SETTINGS = {"source": "digits", "size": None, "validation": 0.1, "test": 0.2, "limit": 300, "seed": 0}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits, as the stage `data` writes them."""
    folder = tmp_path_factory.mktemp("prepared")
    settings = json.dumps({"data": SETTINGS})
    data.main(settings, folder / "data.safetensors", folder / "data.json")
    return folder / "data.safetensors"


@pytest.mark.parametrize(("split", "num"), [("train", 270), ("validation", 30), ("test", 300)])
def test_a_split_comes_back_as_it_was_written(prepared: Path, split: Split, num: int) -> None:
    images = load_split(prepared, split)
    tensors, _ = read_tensors(prepared)
    assert len(images) == num
    assert torch.equal(images.pixels, tensors[f"{split}_pixels"])
    assert torch.equal(images.labels, tensors[f"{split}_labels"])


def test_training_images_are_normalised_to_mean_0_and_deviation_1(prepared: Path) -> None:
    images = load_split(prepared, "train")
    normalised = images.normalise(images.pixels).double()
    assert abs(float(normalised.mean())) < 1e-6
    assert abs(float(normalised.std(correction=0)) - 1) < 1e-6


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_split_is_normalised_by_the_training_pixels(prepared: Path, split: Split) -> None:
    pixels = read_tensors(prepared)[0]["train_pixels"].numpy() / 255
    images = load_split(prepared, split)
    assert images.mean.shape == images.std.shape == (1, 1, 1)
    assert images.mean.item() == np.float32(pixels.mean())
    assert images.std.item() == np.float32(pixels.std())


def test_the_manifest_is_that_of_data_json(prepared: Path) -> None:
    assert load_manifest(prepared) == json.loads(prepared.with_name("data.json").read_text())


def test_a_file_cut_short_is_named(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "data.safetensors").write_bytes(prepared.read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"data\.safetensors: not a whole safetensors file"):
        load_split(tmp_path / "data.safetensors", "train")


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    write_tensors(tmp_path / "logits.safetensors", {"test": torch.zeros(2)}, {"name": "level-00"})
    for load in (load_manifest, lambda path: load_split(path, "train")):
        with pytest.raises(BadInput, match=r"logits\.safetensors: holds no images; give the data\.safetensors"):
            load(tmp_path / "logits.safetensors")
