"""Parameters as people write them: a preset in presets/, and what params.yaml or the command line lays over it.

yaml: a mapping, the preset `mine`; default: like smoke
text: the preset as text instead, in `encoding` (default utf-8)
params: a mapping, laid over params.yaml as it is in the repository
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from exitprune.config.recipe import overlay
from exitprune.config.study import resolve

ROOT = Path(__file__).parents[3]


def run(recipe: dict[str, Any], folder: Path) -> None:
    """Read the study as Snakemake does."""
    presets = folder / "presets"
    shutil.copytree(ROOT / "presets", presets)
    text = recipe.get("text") or yaml.safe_dump(recipe.get("yaml", {"like": "smoke"}))
    (presets / "mine.yaml").write_bytes(text.encode(recipe.get("encoding", "utf-8")))
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    resolve(overlay(params, {"study": "mine", **recipe.get("params", {})}), presets)
