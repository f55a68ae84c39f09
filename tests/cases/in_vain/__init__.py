"""Studies whose parameters are allowed one by one, and that would compute something in vain or cannot.

yaml: a mapping, the preset `mine`; default: like smoke
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from exitprune.config.study import resolve
from exitprune.pruning.in_vain import check_sense
from exitprune.pruning.possible import check_network

ROOT = Path(__file__).parents[3]


def run(recipe: dict[str, Any], folder: Path) -> None:
    """Look at the study as Snakemake does before any job."""
    presets = folder / "presets"
    presets.mkdir()
    (presets / "smoke.yaml").write_text((ROOT / "presets/smoke.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (presets / "mine.yaml").write_text(yaml.safe_dump({"like": "smoke", **recipe.get("yaml", {})}), encoding="utf-8")
    values = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params = resolve({**values, "study": "mine"}, presets)
    for check in (check_network, check_sense):
        check(params, (1, 8, 8), 10)
