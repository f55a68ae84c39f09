"""What data.safetensors must say of its images, and hold; checked before anything is computed from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from exitprune.documents import INSTEAD, checked
from exitprune.errors import BadInput
from exitprune.storage import Layout

Side = Annotated[int, Field(ge=1, le=100_000)]


class Manifest(BaseModel):
    """What networks are told of the images; what else there is, is for people."""

    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False)

    sha256: str
    classes: list[Annotated[str, Field(max_length=1000)]] = Field(min_length=1, max_length=100_000)
    mean: list[float]
    std: list[Annotated[float, Field(gt=0)]]
    height: Side
    width: Side
    channels: Annotated[int, Field(ge=1, le=1000)]

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"{len(self.mean)} means and {len(self.std)} deviations for {self.channels} channels")
        return self


def checked_manifest(path: Path, header: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest in a header.

    Raises:
        BadInput: if there is none, or it is not one.
    """
    if "manifest" not in header:
        raise BadInput(f"{path}: holds no images; give the data.safetensors of a study")
    checked(Manifest, header["manifest"], path)
    manifest: dict[str, Any] = header["manifest"]
    return manifest


def check_split(path: Path, layout: Mapping[str, Layout], manifest: Mapping[str, Any], split: str) -> None:
    """Refuse pixels and labels of another type or shape than the manifest says.

    Raises:
        BadInput: naming them.
    """
    pixels, labels = (layout.get(f"{split}_{name}") for name in ("pixels", "labels"))
    sides = tuple(manifest[name] for name in ("channels", "height", "width"))
    num_images = labels.shape[0] if labels is not None and len(labels.shape) == 1 else 0
    if num_images < 1 or labels != Layout("I64", (num_images,)) or pixels != Layout("U8", (num_images, *sides)):
        raise BadInput(
            f"{path}: {split}_pixels is {pixels or 'not there'} and {split}_labels is {labels or 'not there'}, wanted: "
            f"as many labels as images, and images of {' x '.join(map(str, sides))}; {INSTEAD}"
        )
