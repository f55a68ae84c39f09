"""The stages from images to logits, called as the workflow calls them, on a few digits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from exitprune.errors import BadInput
from exitprune.evaluation.record_reading import read_record
from exitprune.networks.checkpoints import load_checkpoint
from exitprune.networks.masks import num_kept, sparsity, weights
from exitprune.origin.made_with import other_than
from exitprune.pruning.criteria import Context
from exitprune.pruning.criteria.magnitude import Magnitude
from exitprune.stages import _answers, _training
from exitprune.stages._answers import Level
from exitprune.storage import read_header, read_tensors, write_tensors
from exitprune.training.resumption import Resumption
from tests.small_study import COMPUTE, NO_TRAINING, TRAINING, Study, equal, level_files


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


def test_a_chain_goes_on_with_what_its_criterion_remembers_also_that_it_is_nothing_any_more(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered: list[dict[str, Tensor]] = [{"rounds": torch.tensor(1)}]

    def start(self: Magnitude, context: Context) -> None:
        remembered.append({"rounds": torch.tensor(1)} if remembered[-1] == {} else {})

    def load_state_dict(self: Magnitude, state: dict[str, Tensor]) -> None:
        remembered.append(state)

    monkeypatch.setattr(Magnitude, "start", start)
    monkeypatch.setattr(Magnitude, "state_dict", lambda self: remembered[-1])
    monkeypatch.setattr(Magnitude, "load_state_dict", load_state_dict)
    remembered.append({})
    study.run_recipe("joint", order="joint", rounds=2)  # ends round 1 with something, and round 2 with nothing
    assert remembered[-1] == {}
    (study.path / "joint/levels.json").unlink()
    remembered[:] = [{"of": torch.tensor(3)}]
    study.run_recipe("joint", order="joint", rounds=2)
    assert [len(one) for one in remembered] == [1, 1, 0]


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
    with pytest.raises(
        BadInput, match=r"prune joint, seed 0, round \d/2: .*; finetune\.lr 1e\+12 is too large, make it"
    ):
        study.run_prune("joint", lr=1e12)


def test_a_criterion_that_trains_at_a_rate_of_its_own_names_that_one(study: Study) -> None:
    with pytest.raises(BadInput, match=r"round 1/2: .*; criterion\.lr 1e\+12 is too large, make it smaller"):
        study.run_recipe("joint", order="joint", criterion={"name": "greg1", "lr": 1e12}, granularity="filter")


def test_answers_that_are_no_numbers_are_refused_with_the_rate_that_trained_them(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.run_prune("joint")
    study.run_recover("joint")

    def overflowing(networks: Mapping[Level, Any], splits: Any) -> dict[Level, dict[str, Tensor]]:
        return {level: {"test": torch.full((3, 2, 10), torch.inf)} for level in networks}

    monkeypatch.setattr(_answers, "_infer", overflowing)
    with pytest.raises(
        BadInput, match=r"level-00\.safetensors: its answers to some images are not finite; heads\.lr or"
    ):
        study.run_evaluate("joint")


@pytest.mark.parametrize("recipe", ["joint", "sequential"])
def test_logits_are_those_of_the_levels_and_are_written_once(study: Study, recipe: str) -> None:
    levels = study.run_prune(recipe)
    study.run_recover(recipe)
    before = read_record(study.run_evaluate(recipe)).about
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
    assert read_record(study.run_evaluate(recipe)).about.levels == before.levels
    assert [file.stat().st_mtime_ns for file in files] == written
    files[-2].unlink()
    assert read_record(study.run_evaluate(recipe)).about.levels == before.levels
    assert files[-2].read_bytes() == content


def test_a_record_says_where_it_comes_from_and_keeps_what_every_image_did(
    study: Study,
) -> None:
    study.run_prune("joint")
    study.run_recover("joint")
    record = read_record(study.run_evaluate("joint", between=2))
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


OTHER_SETTINGS: list[tuple[dict[str, Any], str]] = [
    ({"sparsity": 0.9}, "sparsity is 0.7 there and 0.9 here"),
    ({"finetune": {**TRAINING, "epochs": 3}}, "finetune.epochs is 2 there and 3 here"),
    ({"recovery": {**TRAINING, "lr": 0.1}}, "recovery.lr is 0.05 there and 0.1 here"),
    ({"heads": {**NO_TRAINING, "train": "frozen", "when": "before"}}, "heads.epochs is 2 there and 0 here"),
    ({"heads": {**TRAINING, "train": "frozen", "when": "after"}}, "heads.when is before there and after here"),
    ({"base": NO_TRAINING}, "base.epochs is 2 there and 0 here"),
    ({"model": {"exits": [1]}}, "model.exits is [1, 2] there and [1] here"),
    ({"data": {"augment": {"pad": 2, "flip": False}}}, "augment.pad is 1 there and 2 here"),
    ({"criterion": "random"}, "criterion.name is magnitude there and random here"),
    ({"schedule": "linear"}, "schedule.first is 0.5 there and None here"),
    ({"schedule": {"name": "linear", "first": 0.6}}, "schedule.first is 0.5 there and 0.6 here"),
]


def test_a_record_tells_no_settings_but_those_of_its_checkpoints(study: Study) -> None:
    schedule = {"name": "linear", "first": 0.5}
    study.run_recipe("joint", order="joint", schedule=schedule)
    header = read_header(study.run_recover("joint"))
    assert other_than({**study.params, "schedule": schedule}, header) is None
    assert [other_than(told, header) for told, _ in OTHER_SETTINGS] == [says for _, says in OTHER_SETTINGS]
    with pytest.raises(
        BadInput, match=r"recovered\.safetensors: .*: sparsity is 0\.7 there and 0\.9 here; let Snakemake"
    ):
        study.run_evaluate("joint", sparsity=0.9)
    assert not (study.path / "0-joint").exists()


def test_scores_that_are_no_numbers_stop_with_recipe_seed_and_round(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_no_number(self: Magnitude, context: Context) -> dict[str, torch.Tensor]:
        return {name: torch.full_like(weight, torch.nan) for name, weight in context.weights.items()}

    monkeypatch.setattr(Magnitude, "score", of_no_number)
    with pytest.raises(BadInput, match=r"prune joint, seed 0, round 1/2: the scores of stem are not numbers"):
        study.run_prune("joint")
