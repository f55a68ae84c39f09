from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from exitprune.errors import BadInput
from exitprune.stages import data
from exitprune.storage import read_tensors


def settings(**changes: object) -> str:
    """The data section of the default study, as the workflow hands it over."""
    section = {"source": "digits", "size": None, "validation": 0.1, "test": 0.2, "limit": None, "seed": 0}
    return json.dumps({"data": {**section, **changes}})


def test_digits_become_one_file_with_its_manifest(tmp_path: Path) -> None:
    data.main(settings(), tmp_path / "new" / "data.safetensors", tmp_path / "new" / "data.json")
    tensors, header = read_tensors(tmp_path / "new" / "data.safetensors")
    assert header["manifest"] == json.loads((tmp_path / "new" / "data.json").read_text())
    assert {name: tuple(tensor.shape) for name, tensor in tensors.items()} == {
        "train_pixels": (1294, 1, 8, 8),
        "train_labels": (1294,),
        "validation_pixels": (144, 1, 8, 8),
        "validation_labels": (144,),
        "test_pixels": (359, 1, 8, 8),
        "test_labels": (359,),
    }
    assert {str(tensor.dtype) for name, tensor in tensors.items() if "pixels" in name} == {"torch.uint8"}
    assert {str(tensor.dtype) for name, tensor in tensors.items() if "labels" in name} == {"torch.int64"}


def test_the_file_holds_the_images_of_scikit_learn_each_once(tmp_path: Path) -> None:
    data.main(settings(), tmp_path / "data.safetensors", tmp_path / "data.json")
    tensors, _ = read_tensors(tmp_path / "data.safetensors")
    splits = ("train", "validation", "test")
    pixels = np.concatenate(
        [np.rint(tensors[f"{split}_pixels"].numpy().reshape(-1, 64) / 255 * 16) for split in splits]
    )
    labels = np.concatenate([tensors[f"{split}_labels"].numpy() for split in splits])
    digits = load_digits()
    ours = np.column_stack([pixels, labels]).tolist()
    assert sorted(ours) == sorted(np.column_stack([digits.data, digits.target]).tolist())


def test_the_checksum_is_that_of_the_arrays(tmp_path: Path) -> None:
    data.main(settings(), tmp_path / "data.safetensors", tmp_path / "data.json")
    tensors, header = read_tensors(tmp_path / "data.safetensors")
    digest = hashlib.sha256()
    for split, num in (("train", 1294), ("validation", 144), ("test", 359)):
        digest.update(f"{split}_pixels |u1 ({num}, 1, 8, 8)\n".encode() + tensors[f"{split}_pixels"].numpy().tobytes())
        digest.update(f"{split}_labels <i8 ({num},)\n".encode() + tensors[f"{split}_labels"].numpy().tobytes())
    assert header["manifest"]["sha256"] == digest.hexdigest()


def test_the_same_settings_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        data.main(settings(limit=300), tmp_path / name / "data.safetensors", tmp_path / name / "data.json")
    for file in ("data.safetensors", "data.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_a_channel_of_one_value_needs_a_deviation_of_ones_own(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for split, num in (("train", 20), ("test", 3)):
        for name in ("left", "right"):
            (tmp_path / "images" / split / name).mkdir(parents=True)
            for number in range(num):
                pixels = draw.integers(0, 256, (5, 5, 3), dtype=np.uint8)
                pixels[:, :, 2] = 0
                Image.fromarray(pixels).save(tmp_path / "images" / split / name / f"{number:02d}.png")
    out = (tmp_path / "data.safetensors", tmp_path / "data.json", str(tmp_path / "images"))
    with pytest.raises(
        BadInput, match=r"channel 2 has one value in all training pixels .*; give data\.mean and data\.std"
    ):
        data.main(settings(source="folder"), *out)
    data.main(settings(source="folder", mean=[0.5, 0.5, 0], std=[0.2, 0.2, 1]), *out)
    assert json.loads((tmp_path / "data.json").read_text())["std"] == [0.2, 0.2, 1]


def test_a_folder_is_prepared_by_its_path(tmp_path: Path) -> None:
    for split, num in (("train", 20), ("test", 3)):
        for label, name in enumerate(("left", "right")):
            (tmp_path / "images" / split / name).mkdir(parents=True)
            for number in range(num):
                image = Image.fromarray(np.full((5, 7, 3), 100 * label + number, np.uint8))
                image.save(tmp_path / "images" / split / name / f"{number:02d}.png")
    data.main(
        settings(source="folder"), tmp_path / "data.safetensors", tmp_path / "data.json", str(tmp_path / "images")
    )
    manifest = json.loads((tmp_path / "data.json").read_text())
    assert manifest["counts"] == {
        "train": {"left": 18, "right": 18},
        "validation": {"left": 2, "right": 2},
        "test": {"left": 3, "right": 3},
    }
    assert [manifest[key] for key in ("channels", "height", "width")] == [3, 5, 7]


def test_nothing_is_written_if_the_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no folder .*/nowhere/train"):
        data.main(settings(source="folder"), tmp_path / "out", tmp_path / "data.json", str(tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []


def test_images_of_many_sizes_are_prepared_in_one_and_the_manifest_says_so(tmp_path: Path) -> None:
    for split, num in (("train", 20), ("test", 3)):
        for label, name in enumerate(("left", "right")):
            (tmp_path / "images" / split / name).mkdir(parents=True)
            for number in range(num):
                pixels = np.full((20 + number, 30 - number, 3), 100 * label + number, np.uint8)
                Image.fromarray(pixels).save(tmp_path / "images" / split / name / f"{number:02d}.png")
    data.main(
        settings(source="folder", size=[8, 12]), tmp_path / "out", tmp_path / "data.json", str(tmp_path / "images")
    )
    manifest = json.loads((tmp_path / "data.json").read_text())
    assert [manifest[key] for key in ("channels", "height", "width", "resized")] == [3, 8, 12, True]
    assert read_tensors(tmp_path / "out")[0]["train_pixels"].shape == (36, 3, 8, 12)


def test_any_source_comes_in_the_size_asked_for(tmp_path: Path) -> None:
    data.main(settings(size=[12, 16], limit=100), tmp_path / "out", tmp_path / "data.json")
    assert read_tensors(tmp_path / "out")[0]["train_pixels"].shape == (90, 1, 12, 16)
