"""Prepare the images: any source to one file of uint8 arrays, divided, with a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from typer import Option

from exitprune.config.data import DataSource
from exitprune.config.section import Section
from exitprune.data.nearest import nearest_neighbour
from exitprune.data.splits import describe, divide
from exitprune.errors import BadInput
from exitprune.origin.digests import fingerprint
from exitprune.storage import write_json, write_tensors
from exitprune.variants import variant


class Settings(Section):
    """What the images depend on."""

    data: DataSource


def main(
    settings: Annotated[str, Option()],
    out: Annotated[Path, Option()],
    manifest: Annotated[Path, Option()],
    path: Annotated[str, Option()] = "",
) -> None:
    """Load a source, divide it and write it.

    Args:
        settings: JSON, see `Settings`.
        out: data.safetensors.
        manifest: the header of `out` as JSON, for people and for DVC.
        path: `data.path`, empty for null; no setting, since equal images elsewhere are the same images.

    Raises:
        BadInput: if the source is missing, broken, cannot be divided as asked, or has other channels than `data.mean`.
    """
    data = Settings.model_validate_json(settings).data
    size = None if data.size is None else (data.size[0], data.size[1])
    source = variant("datasets", data.source).load(Path(path) if path else None, size)
    parts = divide(source, data)
    description = describe(data.source, source.classes, parts)
    description["nearest_neighbour"] = nearest_neighbour(parts)
    if size is not None:
        description["resized"] = True
    description |= _normalisation(data, description)
    tensors = {
        f"{split}_{name}": torch.from_numpy(array)
        for split, part in parts.items()
        for name, array in (("pixels", part.pixels), ("labels", part.labels))
    }
    write_tensors(out, tensors, {"manifest": description})
    write_json(manifest, description)


def _normalisation(data: DataSource, description: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says instead where images are normalised as a network wants them that was trained elsewhere."""
    if data.mean is None and 0 in (deviations := description["std"]):
        raise BadInput(
            f"data.source {data.source}: channel {deviations.index(0)} has one value in all training pixels and cannot be scaled "
            "by its deviation; give data.mean and data.std, or images without it"
        )
    if data.mean is None:
        return {}
    if len(data.mean) != description["channels"]:
        raise BadInput(
            f"data.mean: {len(data.mean)} given, and the images have {description['channels']} channels; give one for each"
        )
    own = {"mean": data.mean, "std": data.std}
    return {**own, "sha256": fingerprint(description["sha256"], own)}  # to networks they are other images
