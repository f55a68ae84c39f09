"""One seed of a small study, stage by stage, called as the workflow calls them; parameters can be changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from exitprune.config.study import laid_over
from exitprune.networks.checkpoints import Checkpoint, load_checkpoint
from exitprune.stages import base, data, evaluate, heads, prune, recover, tables
from exitprune.training.resumption import Resumption
from tests.synthetic import EVALUATE as BOUNDS

AUGMENT = {"pad": 1, "flip": False}
COMPUTE = {"device": "cpu", "threads": 1, "precision": "float32", "compile": False}
TRAINING = {
    "epochs": 2, "lr": 0.05, "lr_scheduler": "one_cycle", "momentum": 0.9, "weight_decay": 5e-4, "batch_size": 32,
}  # fmt: skip
NO_TRAINING = {**TRAINING, "epochs": 0}
PRUNE = {
    "sparsity": 0.7,
    "rounds": 2,
    "schedule": "linear",
    "criterion": "magnitude",
    "scope": "global",
    "granularity": "weight",
    "start": "trained",
    "rewind": "none",
    "classifier": "base",
    "heads": {**TRAINING, "train": "frozen", "when": "before"},
    "finetune": TRAINING,
    "ending": "last",
}
PARAMS: dict[str, Any] = {
    "data": {
        "source": "digits", "path": "", "size": None, "validation": 0.2, "test": 0.2, "limit": 160, "seed": 0,
        "augment": AUGMENT,
    },
    "model": {"architecture": "resnet", "depth": 8, "exits": [1, 2], "pool": 4},
    "base": TRAINING,
    **PRUNE,
    "recovery": TRAINING,
    "evaluate": BOUNDS.model_dump(),
}  # fmt: skip


@dataclass(frozen=True)
class Study:
    """A folder in which one seed is run.

    Attributes:
        path: the folder.
        changed: parameters that differ from `PARAMS`, as params.yaml would say them.
    """

    path: Path
    changed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, Any]:
        """All parameters."""
        return laid_over(PARAMS, self.changed)

    @property
    def data(self) -> Path:
        """The prepared images."""
        return self.path / "data.safetensors"

    @property
    def shared(self) -> dict[str, Any]:
        """Settings of every stage that trains."""
        return {"augment": self.params["data"]["augment"], "compute": COMPUTE}

    @property
    def architecture(self) -> str:
        """The name of the network's."""
        name: str = self.params["model"]["architecture"]
        return name

    def run_data(self) -> None:
        settings = {name: value for name, value in self.params["data"].items() if name not in ("augment", "path")}
        data.main(json.dumps({"data": settings}), self.data, self.path / "data.json", self.params["data"]["path"])

    def run_base(self, store: Path | None = None, until: int | None = None, **training: Any) -> Path:
        network = {key: value for key, value in self.params["model"].items() if key not in ("exits", "pool")}
        settings = {"network": network, "base": {**self.params["base"], **training}, **self.shared}
        out = self.path / ("base.safetensors" if until is None else f"base-epoch-{until}.safetensors")
        base.main(json.dumps(settings), self.data, out, seed=0, until=until, store=store)
        return out

    def run_heads(self, train: str | None = None, name: str = "level-00") -> Path:
        chosen = {name: value for name, value in self.params["heads"].items() if name != "when"}
        chosen |= {} if train is None else {"train": train}
        settings = {"model": self.params["model"], "heads": chosen, **self.shared}
        out = self.path / f"{name}.safetensors"
        heads.main(json.dumps(settings), self.data, self.path / "base.safetensors", out, seed=0)
        return out

    def run_prune(self, recipe: str, **training: Any) -> list[Checkpoint]:
        return self.run_recipe(recipe, order=recipe, finetune={**self.params["finetune"], **training})

    def run_recipe(self, recipe: str, store: Path | None = None, **chosen: Any) -> list[Checkpoint]:
        """All levels of a chain; `chosen` are settings of pruning."""
        pruning = {**{name: self.params[name] for name in PRUNE}, **chosen}
        settings = {
            "architecture": self.params["model"]["architecture"],
            "prune": pruning,
            "base": self.params["base"],
            **self.shared,
        }
        out = self.path / recipe / "levels.json"
        rewind = chosen.get("rewind")
        prune.main(
            json.dumps(settings),
            self.data,
            self.path / "level-00.safetensors",
            out,
            seed=0,
            recipe=recipe,
            base=self.path / "base.safetensors",
            snapshot=self.run_base(until=rewind) if isinstance(rewind, int) else None,
            store=store,
        )
        return [load_checkpoint(out.with_name(name)) for name in json.loads(out.read_text())["levels"]]

    def run_recover(self, recipe: str, **training: Any) -> Path:
        recovery = {**self.params["recovery"], **training}
        settings = {
            "architecture": self.params["model"]["architecture"],
            "purpose": recipe,
            "recovery": recovery,
            **self.shared,
        }
        out = self.path / recipe / "recovered.safetensors"
        recover.main(json.dumps(settings), self.data, self.path / recipe / "levels.json", out, seed=0, recipe=recipe)
        return out

    def run_evaluate(self, recipe: str, between: int | float = 1.0, **settings_told: Any) -> Path:
        """The folder of the record, which tells these settings."""
        folder, out = self.path / recipe, self.path / f"0-{recipe}"
        settings = {
            "architecture": self.params["model"]["architecture"],
            "study": "small",
            "between": between,
            "compute": COMPUTE,
        }
        told = {"model": self.params["model"], "granularity": self.params["granularity"], **settings_told}
        made_of: dict[str, Any] = {"settings": told, "contents": None, "code": {}}
        evaluate.main(
            json.dumps({**settings, "made_of": made_of}),
            self.data,
            self.path / "level-00.safetensors",
            folder / "levels.json",
            folder / "recovered.safetensors",
            folder / "logits",
            out,
            seed=0,
            recipe=recipe,
        )
        return out

    def run_tables(self, *records: Path) -> Path:
        """Its summary.json, the folder `tables` beside it."""
        out = self.path / "summary.json"
        tables.main(json.dumps({"evaluate": self.params["evaluate"]}), list(records), self.path / "tables", out)
        return out

    def run(self, *recipes: str) -> Path:
        """The whole seed, a recipe per order; summary.json."""
        self.run_data()
        self.run_base()
        self.run_heads()
        records = []
        for recipe in recipes or ("joint", "sequential"):
            self.run_prune(recipe)
            self.run_recover(recipe)
            records.append(self.run_evaluate(recipe))
        return self.run_tables(*records)


def equal(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    """Same parameters and buffers, bit for bit."""
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def level_files(study: Study) -> dict[str, bytes]:
    """Every level's bytes."""
    return {str(path.relative_to(study.path)): path.read_bytes() for path in study.path.glob("*/level-*.safetensors")}


def dies_after(num_epochs: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From now on, the job is killed once as many epochs of any training have been kept; the list tells which were."""
    keep, kept = Resumption.keep, list[int]()

    def keep_and_die(self: Resumption, epoch: int, *arguments: Any) -> None:
        keep(self, epoch, *arguments)
        kept.append(epoch)
        if len(kept) == num_epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(Resumption, "keep", keep_and_die)
    return kept


def killed_and_run_again(study: Study, monkeypatch: pytest.MonkeyPatch, after: int, **chosen: Any) -> list[int]:
    """Assert that a recipe killed once, after so many epochs of training were kept, ends with the bytes of one left in peace.

    Returns:
        The epochs that were kept in both runs.
    """
    study.run_recipe("killed", **chosen)
    whole = level_files(study)
    for path in study.path.glob("killed/*"):
        path.unlink()
    kept = dies_after(after, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        study.run_recipe("killed", **chosen)
    study.run_recipe("killed", **chosen)
    assert level_files(study) == whole
    assert not list(study.path.glob("killed/*.partial.*"))
    return kept
