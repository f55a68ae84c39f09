"""What the base networks of a study get right before they have exits: `python -m benchmarks.base_accuracy STUDY`.

Records begin with level 0, which has its exits, and training them with the base moves its classifier. Written to
results/<study>/base_accuracy.csv, a row for each seed whose base is in `runs/`; rows of other seeds stay.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import pandas as pd
from typer import Argument, BadParameter, run

from exitprune.data.images import Split, load_split
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.training.endings.best import accuracy_of

SPLITS: tuple[Split, ...] = ("validation", "test")


def main(study: Annotated[str, Argument(help="A study whose base networks and data are in runs/.")]) -> None:
    """Look at each base network that is there."""
    bases, out = bases_of(study), Path("results") / study / "base_accuracy.csv"
    out.parent.mkdir(parents=True, exist_ok=True)
    data = Path("runs") / study / "data.safetensors"
    images = {split: load_split(data, split) for split in SPLITS}
    rows = pd.read_csv(out).set_index("seed").to_dict("index") if out.exists() else {}
    for seed, path in bases.items():
        network = load_checkpoint(path).network
        rows[seed] = {split: accuracy_of(network, images[split], "base") for split in SPLITS}
    pd.DataFrame.from_dict(rows, "index").rename_axis("seed").sort_index().to_csv(out)


def bases_of(study: str) -> dict[int, Path]:
    """Checkpoints of a study's base networks in `runs/`, by seed."""
    found = sorted((Path("runs") / study).glob("seed*/base.safetensors"))
    if not found:
        raise BadParameter(
            f"runs/{study} has no base network; snakemake --config study={study} -- checkpoints makes them"
        )
    return {int(path.parent.name.removeprefix("seed")): path for path in found}


if __name__ == "__main__":
    run(main)
