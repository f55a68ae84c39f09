"""A study in a folder: images and a level, as its stages write them, and what `exitprune export` makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from PIL import Image
from torch import Tensor

from exitprune.commands.export import main as export
from exitprune.data.images import load_split
from exitprune.deployment.seal import ENTRY
from exitprune.networks.checkpoints import save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import Masks, apply_masks_, weights
from exitprune.storage import write_tensors
from tests.as_if_trained import enliven_, spread_confidences_
from tests.conftest import make_network

CLASSES = ["ant", "bee", "cat", "dog"]
MEAN, STD = [0.5, 0.45, 0.4], [0.25, 0.2, 0.3]


@dataclass(frozen=True)
class Study:
    """Where things lie, and the network of the level."""

    level: Path
    data: Path
    exported: Path
    network: EarlyExitNetwork
    masks: Masks


def write_test_images(study: Study, num_images: int, folder: Path) -> list[Path]:
    """The first test images as files."""
    paths = []
    for number, pixels in enumerate(load_split(study.data, "test").pixels[:num_images].permute(0, 2, 3, 1).numpy()):
        paths.append(folder / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def without_seal(file: Path) -> Any:
    """An exported model that may be changed and saved: its seal is out."""
    model = onnx.load(file)
    onnx.helper.set_model_props(model, {item.key: item.value for item in model.metadata_props if item.key != ENTRY})
    return model


def make_study(folder: Path) -> Study:
    """Colour images of 12 x 12, ResNet-14 with three exits and half of its weights gone; labels it is mostly right about."""
    draw = torch.Generator().manual_seed(4)
    network = enliven_(make_network(depth=14, exits=(1, 3, 5), channels=3, side=12))
    masks = {name: torch.rand(w.shape, generator=draw) < 0.5 for name, w in weights(network).items()}
    masks["b2.c1"][3] = False
    apply_masks_(network, masks)
    spread_confidences_(network)
    tensors: dict[str, Tensor] = {}
    for split, num_images in (("train", 4), ("validation", 60), ("test", 90)):
        pixels = torch.randint(0, 256, (num_images, 3, 12, 12), generator=draw, dtype=torch.uint8)
        mean, std = (torch.tensor(values).reshape(-1, 1, 1) for values in (MEAN, STD))
        with torch.no_grad():
            answers = network((pixels / 255 - mean) / std)[-1].argmax(-1)
        guessed = torch.randint(0, 4, (num_images,), generator=draw)
        wrong = torch.rand(num_images, generator=draw) < 0.2
        tensors |= {f"{split}_pixels": pixels, f"{split}_labels": torch.where(wrong, guessed, answers)}
    manifest = {"source": "noise", "sha256": "0" * 64, "classes": CLASSES, "counts": {}, "mean": MEAN, "std": STD}
    data = folder / "data.safetensors"
    write_tensors(data, tensors, {"manifest": manifest | {"height": 12, "width": 12, "channels": 3}})
    header = {"seed": 0, "recipe": "joint", "name": "level-01", "level": 1, "prune": "all"}
    header |= {"train": "all", "key": "k", "data": "0" * 64, "classes": CLASSES, "mean": MEAN, "std": STD}
    level = folder / "seed0" / "joint" / "level-01.safetensors"
    save_checkpoint(level, network, masks, header)
    export(level, folder / "exported", sparse=True)
    return Study(level, data, folder / "exported", network, masks)
