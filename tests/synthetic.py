"""Made-up records with the shape of real ones, for tests of everything from records to report. Never a result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from pydantic import BaseModel
from torch import Tensor

from exitprune.config.evaluate import Evaluate
from exitprune.config.model import Model
from exitprune.evaluation import paper
from exitprune.evaluation.per_level import (
    SAMPLE,
    layer_entries,
    level_entry,
    outcomes_by_split,
    sample,
    states,
    with_sample,
)
from exitprune.evaluation.records import SWEPT, name_of, write_record
from exitprune.stages.tables import main as make_tables
from exitprune.storage import write_json, write_tensors

MODEL = Model(depth=56, exits=[4, 8, 12, 16, 20, 24], pool=4)
EVALUATE = Evaluate(confidence_level=0.95, margin=0.01, between=20)
COUNTS = {"train": 30, "validation": 60, "test": 90}
CLASSES = 10
ORIGIN: dict[str, Any] = {
    "commit": "c" * 40,
    "dirty": False,
    "date": "2026-11-25",
    "processor": "an abacus",
    "machine": "Linux x86_64, CPU",
    "python": "3.11.0",
    "versions": {"torch": "2.12.1", "dvc": None},
    "compute": {"device": "cpu", "threads": 1, "precision": "float32", "compile": False},
    "seconds": {"base": 12.0, "heads": 3.0, "prune": 33.4, "recover": 4.5, "evaluate": 2.0},
}
"""Where a record says that it comes from."""
AS_CIFAR10: dict[str, Any] = {
    "classes": sorted(paper.CIFAR10),
    "channels": 3,
    "height": 32,
    "width": 32,
    "counts": {"train": {"cat": 45_000}, "validation": {"cat": 5_000}, "test": {"cat": 10_000}},
}
"""A manifest that says the images are CIFAR-10's, all of them."""


def write_data(path: Path, num_images: dict[str, int] = COUNTS, **manifest: Any) -> dict[str, Tensor]:
    """data.safetensors and data.json without pictures worth looking at; gives the labels by split."""
    draw = np.random.default_rng(5)
    labels = {split: torch.from_numpy(draw.integers(0, CLASSES, count)) for split, count in num_images.items()}
    arrays = {f"{split}_labels": value for split, value in labels.items()}
    arrays |= {f"{split}_pixels": torch.zeros(count, 1, 8, 8, dtype=torch.uint8) for split, count in num_images.items()}
    names = [str(digit) for digit in range(CLASSES)]
    about = {
        "source": "digits",
        "sha256": "0" * 64,
        "classes": names,
        "counts": {split: {n: int((labels[split] == k).sum()) for k, n in enumerate(names)} for split in num_images},
        "mean": [0.3] * manifest.get("channels", 1),
        "std": [0.4] * manifest.get("channels", 1),
        **{"height": 8, "width": 8, "channels": 1, **manifest},
    }
    write_tensors(path, arrays, {"manifest": about})
    write_json(path.with_suffix(".json"), about)
    return labels


def write_run(
    folder: Path,
    seed: int,
    recipe: str,
    labels: dict[str, Tensor],
    rounds: int = 3,
    sharpness: float = 1.0,
    data: Path | None = None,
    **changed: Any,
) -> Path:
    """A record: 64 layers and seven exits that get worse as sparsity grows, each recipe in its way.

    Args:
        folder: for the record's folder.
        data: data.safetensors, whose manifest the record tells of; None: that of `folder`.
        changed: settings that the record says it is made of.
    """
    noise = {
        split: np.random.default_rng([seed, place]).normal(size=(7, len(labels[split]), CLASSES))
        for place, split in enumerate(("validation", "test"))
    }
    steps = rounds if recipe == "joint" else 2 * rounds
    sampled = sample(len(labels["validation"]), EVALUATE.between)
    right = with_sample(labels, sampled)
    entries, outcomes = [], {}
    for number, state in enumerate(states(steps + 2)):
        name = "recovered" if state == "recovered" else f"level-{number:02d}"
        level = min(number, steps)
        base, exits = _progress(recipe, level, rounds)
        harm = 1.2 * base * np.ones(7) + (0.9 if recipe == "sequential" else 0.7) * exits * np.append(np.ones(6), 0)
        quality = sharpness * (np.linspace(1.5, 4.2, 7) - harm * (0.5 if name == "recovered" else 1))
        logits = {}
        for split, values in noise.items():
            truth = np.eye(CLASSES)[labels[split].numpy()]
            logits[split] = torch.from_numpy(values + quality[:, None, None] * truth).float()
        header = _header(np.random.default_rng([seed, level]), recipe, level, base, exits, rounds)
        header |= {"name": name, "level": level, "weights_sha256": f"{recipe} {seed} {name}"}
        shown = with_sample(logits, sampled)
        macs = {split: torch.tensor([[cost["macs"]] for cost in header["exits"]]) for split in shown}
        if state in SWEPT:
            outcomes[state] = outcomes_by_split(shown, right, macs)
        else:
            shown = {SAMPLE: shown[SAMPLE]}
        entries.append(level_entry(header, state, shown, right, macs))
        if state == "final":
            layers = layer_entries(header)
    path = folder / name_of(seed, recipe)
    manifest = json.loads((data or folder / "data.safetensors").with_suffix(".json").read_text())
    about = {
        "study": "synthetic",
        "seed": seed,
        "recipe": recipe,
        "made_of": {
            "settings": {"model": MODEL.model_dump(), "granularity": "weight", **changed},
            "contents": None,
            "code": {},
        },
        "origin": ORIGIN,
        "data": manifest,
        "blocks": [*MODEL.exits, 27],
        "levels": entries,
        "layers": layers,
    }
    write_record(path, about, outcomes)
    return path


def write_measured(tables: Path, networks: Sequence[str] = ("unstructured", "filters", "plain ResNet-20")) -> None:
    """inference.csv beside the tables: the pruned network they tell of, another with exits, and a plain one.

    Args:
        tables: the folder.
        networks: names; `unstructured` is the one that the tables tell of, and "plain" ones have no exits.

    As in a real one, only the first seed is measured in every runtime.
    """
    exits = pd.read_csv(tables / "exits.csv").query("recipe == 'joint' and state == 'recovered' and split == 'test'")
    digests = (
        pd.read_csv(tables / "levels.csv")
        .query("recipe == 'joint' and state == 'recovered'")
        .set_index("seed")["sha256"]
    )
    rows = []
    for seed, (place, network) in product((0, 1), enumerate(networks)):
        last = exits[(exits["exit"] == 6) & (exits["seed"] == seed)].iloc[0]
        choices = ["nobody leaves"] if network.startswith("plain") else ["nobody leaves", "one point lost", "share 0.5"]
        for step, choice in enumerate(choices):
            for runtime in ("eager", "onnxruntime", "sparse")[seed:]:
                cost = 1 / (1 + place + step)
                about = {
                    "network": network,
                    "seed": seed,
                    "sha256": digests[seed] if network == "unstructured" else network,
                    "runtime": runtime,
                    "threads": 1,
                    "batch": 64,
                    "choice": choice,
                }
                given = {
                    "threshold": 0.9,
                    "accuracy": last["accuracy"] - 0.01 * step,
                    "macs": last["macs"] // (1 + place + step),
                    "macs_executed": 2 * last["macs"] // (1 + place + step),
                }
                rows.append({**about, **given, "milliseconds": cost, "machine": "an abacus"})
    pd.DataFrame(rows).to_csv(tables.parent / "inference.csv", index=False)
    exit_rows = [
        {
            "sha256": digests[seed],
            "runtime": runtime,
            "threads": 1,
            "batch": 64,
            "exit": exit_,
            "body": 0.1 * (exit_ + 1),
            "head": 0.01,
            "machine": "an abacus",
        }
        for seed, runtime, exit_ in product((0, 1), ("eager", "onnxruntime", "int8"), range(7))
    ]
    pd.DataFrame(exit_rows).to_csv(tables.parent / "exit_times.csv", index=False)


def write_study(
    folder: Path,
    seeds: tuple[int, ...] = (0, 1, 2),
    recipes: tuple[str, ...] = ("joint", "sequential"),
    rounds: int = 3,
) -> tuple[Path, list[Path]]:
    """A whole study: data.safetensors and the record of every run."""
    labels = write_data(folder / "data.safetensors")
    runs = [(seed, recipe) for seed in seeds for recipe in recipes]
    return folder / "data.safetensors", [write_run(folder, seed, recipe, labels, rounds) for seed, recipe in runs]


def write_tables(folder: Path, records: list[Path]) -> Path:
    """The tables of these records, and summary.json and metrics.json beside their folder."""
    make_tables(settings(evaluate=EVALUATE), records, folder / "tables", folder / "summary.json")
    return folder / "tables"


def _progress(recipe: str, level: int, rounds: int) -> tuple[float, float]:
    """Sparsity of base and exits after so many rounds."""
    if recipe == "joint":
        return 0.8 * level / rounds, 0.7 * level / rounds
    return 0.8 * min(level, rounds) / rounds, 0.8 * max(level - rounds, 0) / rounds


def _header(
    draw: np.random.Generator, recipe: str, level: int, base: float, exits: float, rounds: int
) -> dict[str, Any]:
    """Costs that look like ResNet-56's: the paper's layers, uneven sparsity, every weight used at 64 places."""
    layers, passed = [], 0
    for position, name in enumerate(paper.layer_sparsity()["layer"], 1):
        is_head = name.startswith("exit")
        weights = 500 * (1 + position // 20)
        uneven = 0.6 + 0.4 * position / 64 + 0.05 * draw.normal()
        share = np.clip((exits if is_head else base) * uneven, 0, 0.99)
        kept = weights - round(weights * float(share))
        layers.append({"name": name, "exit": passed, "positions": 64, "weights": weights, "kept": kept})
        passed += is_head
    return {
        "prune": None if level == 0 else ("all" if recipe == "joint" else "base" if level <= rounds else "exits"),
        "train": None,
        "sparsity": {"all": (15 * base + exits) / 16, "base": base, "exits": exits},
        "layers": layers,
        "exits": [_exit_cost(layers, exit_) for exit_ in range(7)],
        "branches": [[f"b{number}.c1", f"b{number}.c2"] for number in range(1, 28)],
        "dead_channels": [_emptied(layer) for layer in layers],
        "macs_after_removal": 64 * sum(layer["weights"] for layer in layers) // (1 + level),
    }


def _emptied(layer: dict[str, Any]) -> dict[str, Any]:
    num_empty = round(10 * (1 - layer["kept"] / layer["weights"]))
    counts = {"filters": 10, "empty_filters": num_empty, "channels": 20, "empty_channels": num_empty}
    return {"name": layer["name"], **counts}


def _exit_cost(layers: list[dict[str, Any]], exit_: int) -> dict[str, int]:
    executed = [layer for layer in layers if layer["exit"] <= exit_]
    dense, kept = (sum(layer[what] for layer in executed) for what in ("weights", "kept"))
    return {
        "exit": exit_,
        "macs_dense": 64 * dense,
        "macs": 64 * kept,
        "params_dense": dense,
        "params": kept,
    }


def settings(**sections: Any) -> str:
    """Settings of a stage as the workflow hands them over."""
    return json.dumps({n: s.model_dump() if isinstance(s, BaseModel) else s for n, s in sections.items()})


_TRAINING = {
    "epochs": 1,
    "lr": 0.1,
    "lr_scheduler": "one_cycle",
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "batch_size": 64,
}
PRUNING: dict[str, Any] = {
    "heads": {**_TRAINING, "when": "before", "train": "frozen"},
    "sparsity": 0.8,
    "rounds": 3,
    "schedule": "linear",
    "criterion": "magnitude",
    "scope": "global",
    "granularity": "weight",
    "start": "trained",
    "rewind": "none",
    "ending": "last",
    "classifier": "base",
    "finetune": {**_TRAINING},
    "finetune_exits": {**_TRAINING, "augment": True},
    "recovery": {**_TRAINING},
}
PARAMS: dict[str, Any] = {
    "study": "synthetic",
    "seeds": [0, 1, 2],
    "data": {
        "source": "digits",
        "path": None,
        "size": None,
        "division": "images",
        "validation": 0.15,
        "test": 0.2,
        "limit": None,
        "seed": 0,
        "augment": {"pad": 1, "flip": False},
    },
    "model": MODEL.model_dump(),
    "base": {**_TRAINING},
    "rivals": [8],
    **PRUNING,
    "recipes": {name: {"order": name, **PRUNING} for name in ("joint", "sequential")},
    "grid": {"seeds": [100], "vary": {"finetune.lr": [0.01, 0.02]}},
    "evaluate": EVALUATE.model_dump(),
    "compute": {"device": "cpu", "threads": 1, "precision": "float32", "compile": False},
}
