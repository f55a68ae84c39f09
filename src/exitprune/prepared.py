"""Read data.safetensors, which the stage `data` writes: all stages after it know the images from this file alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

from exitprune.checkpoints import read_header, read_tensors
from exitprune.errors import BadInput
from exitprune.training import Images

Split = Literal["train", "validation", "test"]


def load_manifest(path: Path) -> dict[str, Any]:
    """The manifest in the header; no pixels are read.

    Raises:
        BadInput: if the file is missing, cut short or not one of prepared images.
    """
    return _manifest(path, read_header(path))


def load_split(path: Path, split: Split, device: torch.device | str = "cpu") -> Images:
    """Labelled images of one split, with the mean and deviation of the training pixels.

    Raises:
        BadInput: if the file is missing, cut short or not one of prepared images.
    """
    tensors, header = read_tensors(path)
    manifest = _manifest(path, header)
    mean, std = (
        torch.tensor(manifest[key], dtype=torch.float32, device=device).view(-1, 1, 1) for key in ("mean", "std")
    )
    return Images(tensors[f"{split}_pixels"].to(device), tensors[f"{split}_labels"].to(device), mean, std)


def _manifest(path: Path, header: dict[str, Any]) -> dict[str, Any]:
    if "manifest" not in header:
        raise BadInput(f"{path}: holds no images; give the data.safetensors of a study")
    manifest: dict[str, Any] = header["manifest"]
    return manifest
