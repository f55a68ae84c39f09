"""The stages from images to logits, called as the workflow calls them, on a few digits."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from exitprune.errors import BadInput
from exitprune.evaluation.records import read_record
from exitprune.networks.checkpoints import Checkpoint, load_checkpoint
from exitprune.networks.masks import num_kept, sparsity, weights
from exitprune.stages import _training, base, data, evaluate, heads, prune, recover
from exitprune.storage import read_header, read_tensors, write_tensors
from exitprune.training.resumption import Resumption

AUGMENT = {"pad": 1, "flip": False}
COMPUTE = {"device": "cpu", "threads": 1, "precision": "float32", "compile": False}
TRAINING = {
    "epochs": 2, "lr": 0.05, "lr_scheduler": "one_cycle", "momentum": 0.9, "weight_decay": 5e-4, "batch_size": 32,
}  # fmt: skip
DATA = {"source": "digits", "validation": 0.2, "test": 0.2, "limit": 160, "seed": 0}
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
}


@dataclass(frozen=True)
class Study:
    """A folder in which one seed is run."""

    path: Path

    @property
    def data(self) -> Path:
        """The prepared images."""
        return self.path / "data.safetensors"

    def run_data(self) -> None:
        data.main(json.dumps({"data": DATA}), self.data, self.path / "data.json")

    def run_base(self, store: Path | None = None, until: int | None = None, **training: Any) -> Path:
        settings = {
            "network": {"architecture": "resnet", "depth": 8},
            "augment": AUGMENT,
            "base": {**TRAINING, **training},
            "compute": COMPUTE,
        }
        out = self.path / ("base.safetensors" if until is None else f"base-epoch-{until}.safetensors")
        base.main(json.dumps(settings), self.data, out, seed=0, until=until, store=store)
        return out

    def run_heads(self, train: str = "frozen", name: str = "level-00") -> Path:
        model = {"depth": 8, "exits": [1, 2], "pool": 4}
        settings = {"model": model, "augment": AUGMENT, "heads": {**TRAINING, "train": train}, "compute": COMPUTE}
        out = self.path / f"{name}.safetensors"
        heads.main(json.dumps(settings), self.data, self.path / "base.safetensors", out, seed=0)
        return out

    def run_prune(self, recipe: str, **training: Any) -> list[Checkpoint]:
        return self.run_recipe(recipe, order=recipe, finetune={**TRAINING, **training})

    def run_recipe(self, recipe: str, store: Path | None = None, **chosen: Any) -> list[Checkpoint]:
        """All levels of a chain; `chosen` are settings of pruning."""
        training = {"base": TRAINING, "augment": AUGMENT, "compute": COMPUTE}
        settings = {"architecture": "resnet", "prune": {**PRUNE, **chosen}, **training}
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
        settings = {"architecture": "resnet", "purpose": recipe, "augment": AUGMENT, "compute": COMPUTE}
        settings |= {"recovery": {**TRAINING, **training}}
        out = self.path / recipe / "recovered.safetensors"
        recover.main(json.dumps(settings), self.data, self.path / recipe / "levels.json", out, seed=0, recipe=recipe)
        return out


@pytest.fixture
def study(tmp_path: Path) -> Study:
    """Level 0 is there."""
    study = Study(tmp_path)
    study.run_data()
    study.run_base()
    study.run_heads()
    return study


def level_files(study: Study) -> dict[str, bytes]:
    """Every level's bytes."""
    return {str(path.relative_to(study.path)): path.read_bytes() for path in study.path.glob("*/level-*.safetensors")}


def equal(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    """Same parameters and buffers, bit for bit."""
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_frozen_heads_leave_the_base_as_it_is_and_joint_ones_do_not(study: Study) -> None:
    trained = load_checkpoint(study.path / "base.safetensors").network.base
    assert equal(load_checkpoint(study.path / "level-00.safetensors").network.base, trained)
    assert not equal(load_checkpoint(study.run_heads("joint", "joint")).network.base, trained)


@pytest.mark.parametrize("recipe", ["joint", "sequential"])
def test_levels_lose_weights_and_get_none_back(study: Study, recipe: str) -> None:
    levels = study.run_prune(recipe)
    kept = [num_kept(level.masks) for level in levels]
    assert kept == sorted(kept, reverse=True)
    for before, after in itertools.pairwise(levels):
        assert all(not (after.masks[name] & ~before.masks[name]).any() for name in after.masks)
    for level in levels:
        for name, weight in weights(level.network).items():
            assert not weight[~level.masks[name]].any()
    assert num_kept(levels[-1].masks) == pytest.approx(0.3 * sum(m.numel() for m in levels[-1].masks.values()), abs=1)


def test_sequential_prunes_the_base_then_the_exits_on_a_base_that_stands_still(study: Study) -> None:
    level0 = load_checkpoint(study.path / "level-00.safetensors")
    levels = study.run_prune("sequential")
    base_names, exit_names = (list(level0.network.named_layers(group)) for group in ("base", "exits"))
    assert [sparsity(level.masks, exit_names) for level in levels[:2]] == [0, 0]
    assert equal(levels[1].network.exits, level0.network.exits)
    assert sparsity(levels[1].masks, base_names) == pytest.approx(0.7, abs=1e-3)
    assert all(equal(level.network.base, levels[1].network.base) for level in levels[2:])
    assert sparsity(levels[3].masks, exit_names) == pytest.approx(0.7, abs=1e-3)


def test_a_chain_goes_on_from_its_last_level_and_ends_with_the_same_bytes(study: Study) -> None:
    study.run_prune("sequential")
    whole = level_files(study)
    kept = study.path / "sequential/level-01.safetensors"
    times = kept.stat().st_mtime_ns
    for number in (2, 3, 4):
        (study.path / f"sequential/level-{number:02d}.safetensors").unlink()
    study.run_prune("sequential")
    assert level_files(study) == whole
    assert kept.stat().st_mtime_ns == times


def test_other_parameters_make_every_level_anew(study: Study) -> None:
    study.run_prune("joint")
    before = level_files(study)
    study.run_prune("joint", lr=0.01)
    after = level_files(study)
    assert all(before[name] != after[name] for name in before)


def test_a_foreign_level_is_refused_and_left_alone(study: Study) -> None:
    foreign = study.path / "joint/level-01.safetensors"
    write_tensors(foreign, {"weight": torch.ones(2)}, {})
    foreign.write_bytes(foreign.read_bytes().replace(b"exitprune", b"otherprog"))
    content = foreign.read_bytes()
    with pytest.raises(BadInput, match=r"level-01\.safetensors: not written by exitprune"):
        study.run_prune("joint")
    assert foreign.read_bytes() == content


@pytest.mark.parametrize("job", ["base", "level-00", "joint/recovered"])
def test_a_training_goes_on_from_its_last_epoch_and_ends_with_the_same_bytes(
    study: Study, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    if job == "joint/recovered":
        study.run_prune("joint")
    jobs: dict[str, Callable[[], Path]] = {
        "base": study.run_base,
        "level-00": study.run_heads,
        "joint/recovered": lambda: study.run_recover("joint"),
    }
    run = jobs[job]
    whole = run().read_bytes()
    (study.path / f"{job}.safetensors").unlink()
    keep = Resumption.keep
    trained: list[int] = []

    def keep_and_die(self: Any, *arguments: Any) -> None:
        keep(self, *arguments)
        raise KeyboardInterrupt

    def keep_and_note(self: Any, epoch: int, *arguments: Any) -> None:
        trained.append(epoch)

    monkeypatch.setattr(Resumption, "keep", keep_and_die)
    with pytest.raises(KeyboardInterrupt):
        run()
    partial = study.path / f"{job}.partial.safetensors"
    assert partial.exists()
    monkeypatch.setattr(Resumption, "keep", keep_and_note)
    assert run().read_bytes() == whole
    assert trained == [2]
    assert not partial.exists()


def test_a_base_that_another_study_trained_is_taken_and_another_one_is_not(
    study: Study, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = study.path / "store"
    trained = study.run_base(store=store).read_bytes()
    like = Study(study.path / "like")
    like.run_data()
    with caplog.at_level("INFO", "exitprune"):
        assert like.run_base(store=store, lr=0.01).read_bytes() != trained
        assert "taken" not in caplog.text
        monkeypatch.setattr(_training, "train_", lambda *_: pytest.fail("it was trained again"))
        (like.path / "base.safetensors").unlink()
        assert like.run_base(store=store).read_bytes() == trained
        assert f"taken from {store}" in caplog.text


def test_recovery_changes_weights_and_not_masks(study: Study) -> None:
    last = study.run_prune("joint")[-1]
    recovered = load_checkpoint(study.run_recover("joint"))
    assert all(torch.equal(recovered.masks[name], last.masks[name]) for name in last.masks)
    assert not equal(recovered.network, last.network)


def test_recovery_of_no_epochs_is_the_last_level(study: Study) -> None:
    last = study.run_prune("joint")[-1]
    assert equal(load_checkpoint(study.run_recover("joint", epochs=0)).network, last.network)


def test_a_level_that_was_swapped_or_lost_is_refused_by_name(study: Study) -> None:
    study.run_prune("joint")
    first, second = (study.path / f"joint/level-0{number}.safetensors" for number in (1, 2))
    second.write_bytes(first.read_bytes())
    with pytest.raises(BadInput, match=r"level-02\.safetensors: not the level that .*levels\.json lists"):
        study.run_recover("joint")
    second.unlink()
    with pytest.raises(BadInput, match=r"level-02\.safetensors"):
        study.run_recover("joint")


def test_a_loss_that_is_not_finite_names_order_seed_and_round(study: Study) -> None:
    with pytest.raises(BadInput, match=r"prune joint, seed 0, round \d/2: the loss is"):
        study.run_prune("joint", lr=1e12)


@pytest.fixture
def evaluated(study: Study) -> Callable[..., Path]:
    """Evaluate a recipe's chain; the folder of its record."""

    def run(recipe: str, between: int | float = 1.0) -> Path:
        folder = study.path / recipe
        made_of: dict[str, Any] = {"settings": {"model": {}}, "contents": None, "code": {}}
        evaluate.main(
            json.dumps(
                {"architecture": "resnet", "study": "tiny", "between": between, "compute": COMPUTE, "made_of": made_of}
            ),
            study.data,
            study.path / "level-00.safetensors",
            folder / "levels.json",
            folder / "recovered.safetensors",
            folder / "logits",
            study.path / f"0-{recipe}",
            seed=0,
            recipe=recipe,
        )
        return study.path / f"0-{recipe}"

    return run


@pytest.mark.parametrize("recipe", ["joint", "sequential"])
def test_logits_are_those_of_the_levels_and_are_written_once(
    study: Study, evaluated: Callable[..., Path], recipe: str
) -> None:
    levels = study.run_prune(recipe)
    study.run_recover(recipe)
    before = read_record(evaluated(recipe)).about
    names = ["level-00", *(f"level-{number:02d}" for number in range(1, len(levels) + 1)), "recovered"]
    assert [entry.name for entry in before.levels] == names
    arrays = read_tensors(study.data)[0]
    mean, std = (
        torch.tensor(read_header(study.data)["manifest"][name]).reshape(1, -1, 1, 1) for name in ("mean", "std")
    )
    files = [study.path / recipe / "logits" / f"{name}.safetensors" for name in names]
    for level, file, entry in zip(levels, files[1:-1], before.levels[1:-1], strict=True):
        logits, header = read_tensors(file)
        assert header["sparsity"]["all"] == sparsity(level.masks)
        split = "test" if entry.state == "final" else "sample"
        pixels = arrays["test_pixels"] if split == "test" else arrays["validation_pixels"]
        level.network.eval()
        with torch.no_grad():
            expected = level.network((pixels.float() / 255 - mean) / std)
        torch.testing.assert_close(logits[split], expected, atol=1e-4, rtol=1e-4)
        assert set(logits) == ({"validation", "test"} if split == "test" else {"sample"})
    content, written = files[-2].read_bytes(), [file.stat().st_mtime_ns for file in files]
    assert read_record(evaluated(recipe)).about.levels == before.levels
    assert [file.stat().st_mtime_ns for file in files] == written
    files[-2].unlink()
    assert read_record(evaluated(recipe)).about.levels == before.levels
    assert files[-2].read_bytes() == content


def test_a_record_says_where_it_comes_from_and_keeps_what_every_image_did(
    study: Study, evaluated: Callable[..., Path]
) -> None:
    study.run_prune("joint")
    study.run_recover("joint")
    record = read_record(evaluated("joint", between=2))
    origin = record.about.origin
    assert origin.processor
    assert origin.compute == COMPUTE
    assert set(origin.seconds) == {"evaluate"}  # no other stage was timed here
    assert record.about.blocks[:-1] == list(read_header(study.path / "level-00.safetensors")["network"]["exits"])
    arrays = read_tensors(study.data)[0]
    logits = read_tensors(study.path / "joint/logits/recovered.safetensors")[0]["test"]
    kept = record.outcomes["recovered"]["test"]
    assert np.array_equal(kept.correct, (logits.argmax(-1) == arrays["test_labels"]).numpy())
    assert np.array_equal(kept.confidence, logits.softmax(-1).amax(-1).numpy())
    assert kept.macs[:, 0].tolist() == record.about.levels[-1].macs
    assert [entry.num_images.get("sample") for entry in record.about.levels] == [2] * len(record.about.levels)
