"""Was the base of the paper's approach 1 trained with its exits? `python -m benchmarks.heads_before STUDY` asks its chart.

Heads are trained on a study's base networks of `runs/`, under a frozen base or together with it, at several rates, and long on
maps that are kept. What the exits get right of validation images before anything is pruned is to be held against the chart.
Written to results/<study>/heads_before.csv, a row as soon as it is there; what is there is not trained again. It chooses no
setting: the study keeps its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
from typer import Argument, run

from benchmarks.base_accuracy import bases_of
from exitprune.config.data import Augment
from exitprune.config.study import resolve
from exitprune.data.images import load_split
from exitprune.evaluation.logits import infer
from exitprune.jobs.compute import set_up
from exitprune.jobs.seeding import seed_of
from exitprune.networks.as_drawn import with_heads_as_drawn
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.masks import full_masks
from exitprune.training.loop import train_

ROOT = Path(__file__).parents[1]
RATES = (0.005, 0.01, 0.02, 0.05)
LONG = 20
"""Epochs on maps that are kept; images are not changed at random then."""
VARIANTS = [
    *(("frozen", rate, None) for rate in RATES),
    *(("frozen", rate, LONG) for rate in RATES),
    *(("joint", rate, None) for rate in RATES),
]
"""Whether the base learns, the rate, and epochs where they are not the study's; the cheap ones first."""


def main(study: Annotated[str, Argument(help="A study whose base networks and data are in runs/.")]) -> None:
    """Train them in turn, on one base network after the other."""
    params, data = resolve({"study": study}, ROOT / "presets"), Path("runs") / study / "data.safetensors"
    bases, machine = bases_of(study), set_up(params.compute)
    train, held_out = (load_split(data, split) for split in ("train", "validation"))
    out = Path("results") / study / "heads_before.csv"
    out.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[Any, Any]] = pd.read_csv(out).to_dict("records") if out.exists() else []
    for seed, path in bases.items():
        for who, rate, long in VARIANTS:
            settings = params.heads.model_copy(update={"train": who, "lr": rate, "epochs": long or params.heads.epochs})
            about: dict[Any, Any] = {"seed": seed, "train": who, "lr": rate, "epochs": settings.epochs}
            if any(about.items() <= row.items() for row in rows):
                continue
            base = load_checkpoint(path).network
            spec = replace(base.spec, exits=tuple(params.model.exits), pool=params.model.pool)
            network, augment = with_heads_as_drawn(base, spec, seed), params.data.augment
            train_(
                network,
                train,
                "exits" if who == "frozen" else "all",
                settings,
                Augment(pad=0, flip=False) if long else augment,
                seed_of(seed, "heads"),
                full_masks(network),
                machine,
            )
            right = (infer(network, held_out).argmax(-1) == held_out.labels).double().mean(-1).tolist()
            rows.append({**about, **{f"exit{number}": round(share, 4) for number, share in enumerate(right)}})
            pd.DataFrame(rows).to_csv(out, index=False)


if __name__ == "__main__":
    run(main)
