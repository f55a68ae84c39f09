"""Prepare the images as `data` does, to be normalised as a network wants them that was trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from exitprune.data.images import load_manifest
from exitprune.errors import BadInput
from exitprune.origin.digests import fingerprint
from exitprune.stages import data
from exitprune.storage import read_tensors, write_json, write_tensors


def main(
    settings: Annotated[str, Option()],
    out: Annotated[Path, Option()],
    manifest: Annotated[Path, Option()],
    path: Annotated[str, Option()] = "",
) -> None:
    """Write them with the mean and deviation that the settings give, in place of those of the training images.

    Args:
        settings, out, manifest, path: as for `data`; `data.mean` and `data.std` are set.

    Raises:
        BadInput: as `data`, or if the images have another number of channels.
    """
    wanted = data.Settings.model_validate_json(settings).data
    assert wanted.mean is not None, "the workflow runs `data` otherwise"
    data.main(settings, out, manifest, path)
    description = load_manifest(out)
    if len(wanted.mean) != description["channels"]:
        raise BadInput(
            f"data.mean: {len(wanted.mean)} given, and the images have {description['channels']} channels; give one for each"
        )
    tensors, _ = read_tensors(out)
    own = {"mean": wanted.mean, "std": wanted.std}
    description |= {**own, "sha256": fingerprint(description["sha256"], own)}  # to networks they are other images
    write_tensors(out, tensors, {"manifest": description})
    write_json(manifest, description)
