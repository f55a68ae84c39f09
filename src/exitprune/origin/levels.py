"""Levels on disk: what each is made from, so that a killed job goes on where it was and never on something stale."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import BaseModel, Field

from exitprune.config.families import loaded
from exitprune.documents import checked, read_json
from exitprune.errors import BadInput
from exitprune.origin.code import code_digests
from exitprune.origin.digests import digest, fingerprint
from exitprune.storage import OlderFormat, read_header


class LevelList(BaseModel):
    """levels.json: the levels of a chain, by file name with the SHA-256 of the file, and what made them."""

    levels: dict[Annotated[str, Field(pattern=r"^[\w.-]+$")], str] = Field(min_length=1)
    environment: dict[str, Any] = {}


def code_of(stage: str, device: torch.device, settings: Mapping[str, Any]) -> str:
    """Digest of the meaning of the code that a stage with these settings runs, of torch's version and of the kind of device."""
    return fingerprint(code_digests([stage], *loaded(settings)), torch.__version__, device.type)


def is_made_from(path: Path, key: str) -> bool:
    """Whether a file is there and was made from exactly the ingredients that the key names.

    One that an earlier version of exitprune wrote was not.

    Raises:
        BadInput: if a file is there that is cut short or not one of ours: it is never overwritten unseen.
    """
    try:
        return path.exists() and read_header(path).get("key") == key
    except OlderFormat:
        return False


def level_path(folder: Path, number: int) -> Path:
    """Where a chain's level lies."""
    return folder / f"level-{number:02d}.safetensors"


def levels_of(manifest: Path) -> list[Path]:
    """The levels that a chain's levels.json lists, each checked to be the one that was written.

    Raises:
        BadInput: if one is missing or another.
    """
    paths = []
    for name, sha256 in checked(LevelList, read_json(manifest), manifest).levels.items():
        path = manifest.with_name(name)
        if not path.is_file() or digest([path]) != sha256:
            raise BadInput(
                f"{path}: not the level that {manifest} lists; move both away and run again the stage `prune`"
            )
        paths.append(path)
    return paths


def level_header(
    parent: Mapping[str, Any], name: str, level: int, key: str, settings: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """The header of a level: what its parent says of data and run, and what is new.

    Its `settings` are those of all stages that led to it, every value of them.
    """
    inherited = {name: parent[name] for name in ("seed", "data", "classes", "mean", "std")}
    inherited |= {name: parent[name] for name in ("resized",) if name in parent}
    return {
        **inherited,
        "recipe": None,
        "prune": None,
        "train": None,
        "name": name,
        "level": level,
        "key": key,
        "settings": {**parent.get("settings", {}), **settings},
        **more,
    }
