from __future__ import annotations

import hashlib
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from exitprune.commands.export import main as export
from exitprune.data.images import load_split
from exitprune.deployment.extras import onnxruntime_session
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import confidence_of
from exitprune.evaluation.logits import infer
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.cost import exit_costs
from exitprune.networks.masks import full_masks
from tests.at_one_threshold import evaluate_at
from tests.conftest import Build
from tests.exported_study import CLASSES, Study


def card_of(folder: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((folder / "model-card.json").read_text())
    return card


def test_the_model_predicts_at_its_operating_point_what_the_card_says(study: Study) -> None:
    card, images = card_of(study.exported), load_split(study.data, "test")
    session = ort.InferenceSession(study.exported / "model.onnx", providers=["CPUExecutionProvider"])
    assert len(card["operating_points"]) == 2
    for point in card["operating_points"]:
        feed = {"pixels": images.pixels.numpy(), "threshold": np.array(point["threshold"], dtype=np.float32)}
        answers, exits = session.run(["class", "exit"], feed)
        assert (answers == images.labels.numpy()).mean() == point["test"]["accuracy"]
        assert (np.bincount(exits, minlength=4) / len(exits)).tolist() == pytest.approx(point["test"]["exit_rate"])


def test_accuracy_of_every_exit_is_that_of_the_checkpoint(study: Study) -> None:
    exits = card_of(study.exported)["exits"]
    for split in ("validation", "test"):
        images = load_split(study.data, split)
        right = (infer(study.network, images).argmax(-1) == images.labels).double().mean(1)
        assert [row[split]["accuracy"] for row in exits] == right.tolist()
        assert {row[split]["num_images"] for row in exits} == {len(images)}


def test_the_operating_points_keep_their_rules_on_validation(study: Study) -> None:
    card, images = card_of(study.exported), load_split(study.data, "validation")
    macs = torch.tensor([[row["macs"]] for row in card["exits"]])
    logits = infer(study.network, images)
    accuracy, cost = (point["threshold"] for point in card["operating_points"])
    highest = evaluate_at(logits, images.labels, macs, 1.0)[0]
    assert highest - evaluate_at(logits, images.labels, macs, accuracy)[0] <= 0.01
    assert evaluate_at(logits, images.labels, macs, cost)[1] <= float(macs[-1]) / 2


def test_costs_are_those_of_the_study_and_less_is_executed_after_removal(study: Study) -> None:
    exits, costs = card_of(study.exported)["exits"], exit_costs(study.network, study.masks)
    assert [row["macs"] for row in exits] == [cost.macs for cost in costs]
    assert [row["params"] for row in exits] == [cost.params for cost in costs]
    assert [row["after_block"] for row in exits] == [1, 3, 5, 6]
    # One of b2's 16 inner channels is gone: 9 x 16 weights before it and as many after it, at 12 x 12 places.
    assert [row["macs_dense"] - row["macs_executed"] for row in exits] == [0, *[2 * 9 * 16 * 144] * 3]


def test_the_card_names_the_file_and_where_it_comes_from(study: Study) -> None:
    card = card_of(study.exported)
    model = (study.exported / "model.onnx").read_bytes()
    assert card["model"]["sha256"] == hashlib.sha256(model).hexdigest()
    assert card["provenance"]["sha256"] == hashlib.sha256(study.level.read_bytes()).hexdigest()
    assert card["provenance"]["checkpoint"] == "level-01.safetensors"
    assert (card["seed"], card["recipe"], card["level"]) == (0, "joint", 1)
    assert card["data"]["manifest"]["source"] == "noise"
    assert card["sparsity"]["all"] == pytest.approx(0.5, abs=0.02)


def test_class_names_costs_and_thresholds_travel_in_the_model(study: Study) -> None:
    card, model = card_of(study.exported), onnx.load(study.exported / "model.onnx")
    kept = {item.key: json.loads(item.value) for item in model.metadata_props}
    assert kept["classes"] == CLASSES
    assert [row["macs"] for row in kept["exits"]] == [row["macs"] for row in card["exits"]]
    assert [point["threshold"] for point in kept["operating_points"]] == [
        point["threshold"] for point in card["operating_points"]
    ]


def test_exporting_twice_gives_the_same_bytes(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, sparse=True)
    for name in ("model.onnx", "model.sparse", "model-card.json"):
        assert (tmp_path / name).read_bytes() == (study.exported / name).read_bytes()


def test_temperatures_are_in_the_model_and_lower_the_likelihood_loss(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, temperatures=True)
    images, temperatures = (
        load_split(study.data, "validation"),
        [row["temperature"] for row in card_of(tmp_path)["exits"]],
    )
    logits = infer(study.network, images)
    session = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    feed = {"pixels": images.pixels.numpy(), "threshold": np.array(-1, dtype=np.float32)}
    expected = confidence_of(logits[0] / temperatures[0]).numpy()
    np.testing.assert_allclose(session.run(["confidence"], feed)[0], expected, atol=1e-4)
    for exit_logits, temperature in zip(logits, temperatures, strict=True):
        plain = torch.nn.functional.cross_entropy(exit_logits, images.labels)
        assert torch.nn.functional.cross_entropy(exit_logits / temperature, images.labels) <= plain


def test_a_limit_in_milliseconds_times_every_exit(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, milliseconds=1e6)
    card = card_of(tmp_path)
    assert all(row["milliseconds"] > 0 for row in card["exits"])
    point = card["operating_points"][-1]
    assert point["rule"] == "milliseconds=1e+06"
    assert 0 < point["test"]["milliseconds"] < 1e6


def test_without_data_the_card_has_no_accuracies_and_says_so(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    level = tmp_path / "alone" / "level.safetensors"
    level.parent.mkdir()
    level.write_bytes(study.level.read_bytes())
    export(level, tmp_path / "out")
    card = card_of(tmp_path / "out")
    assert {row["test"] for row in card["exits"]} == {None}
    assert card["operating_points"] == []
    assert "the card has no accuracies and no operating points" in capsys.readouterr().out


@pytest.mark.parametrize("wanted", [{"temperatures": True}, {"milliseconds": 1.0}])
def test_without_data_what_needs_data_is_refused(study: Study, tmp_path: Path, wanted: dict[str, Any]) -> None:
    level = tmp_path / "level.safetensors"
    level.write_bytes(study.level.read_bytes())
    with pytest.raises(BadInput, match="need --data"):
        export(level, tmp_path / "out", **wanted)
    assert not (tmp_path / "out").exists()


def test_other_images_are_refused(study: Study, tmp_path: Path) -> None:
    level = load_checkpoint(study.level)
    other = tmp_path / "other.safetensors"
    save_checkpoint(other, level.network, level.masks, {**level.header, "data": "f" * 64})
    with pytest.raises(BadInput, match="not the images that"):
        export(other, tmp_path / "out", data=study.data)


def test_a_checkpoint_without_normalisation_is_refused(study: Study, tmp_path: Path) -> None:
    level = load_checkpoint(study.level)
    path = tmp_path / "bare.safetensors"
    save_checkpoint(path, level.network, level.masks, {"name": "bare"})
    with pytest.raises(BadInput, match="header lacks classes, mean, std"):
        export(path, tmp_path / "out")


def test_a_missing_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no such file"):
        export(tmp_path / "none.safetensors", tmp_path / "out")


def test_without_onnx_one_sentence_says_what_to_install(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(BadInput, match=r"pip install '\.\[export\]'"):
        export(study.level, tmp_path)


def test_stages_are_written_beside_the_one_file_and_answer_alike(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, form="stages", batch=2)
    card = card_of(tmp_path)
    names = [entry["file"] for entry in card["model"]["stages"]]
    assert names == [f"stages/stage-{number}.onnx" for number in range(4)]
    for entry in card["model"]["stages"]:
        assert hashlib.sha256((tmp_path / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    sessions = [onnxruntime_session(str(tmp_path / name), 1) for name in names]
    stages = [lambda rows, s=s: s.run(None, {s.get_inputs()[0].name: rows}) for s in sessions]
    whole = onnxruntime_session(str(tmp_path / "model.onnx"), 1)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 12, 12), dtype=np.uint8)
    namespace = runpy.run_path(str(tmp_path / "stages" / "stages_driver.py"))
    found = namespace["answer"](stages, pixels, 1.0)
    expected = whole.run(None, {"pixels": pixels, "threshold": np.array(1, dtype=np.float32)})
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)


def test_a_batch_without_stages_is_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--batch 2: only stages have a batch of their own; give --form stages with it"):
        export(study.level, tmp_path, batch=2)
    assert not any(tmp_path.iterdir())


def test_a_network_without_exits_is_exported_and_predicts(
    build: Build, study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = build(exits=(), pool=None, channels=3, side=12)
    header = load_checkpoint(study.level).header
    header = {key: header[key] for key in ("data", "classes", "mean", "std", "seed", "key")}
    base = study.level.parents[1] / "base.safetensors"
    save_checkpoint(base, network, full_masks(network), {**header, "name": "base", "level": 0})
    export(base, tmp_path)
    assert "no threshold keeps this on validation" in capsys.readouterr().out
    card = card_of(tmp_path)
    assert len(card["exits"]) == 1
    assert card["sparsity"] == {"all": 0, "base": 0}
    images = load_split(study.data, "test")
    feed = {"pixels": images.pixels.numpy(), "threshold": np.array(0.5, dtype=np.float32)}
    session = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    answers = session.run(["class"], feed)[0]
    assert (answers == infer(network, images)[0].argmax(-1).numpy()).all()
    base.unlink()


def test_a_network_at_chance_is_called_so_in_what_is_said_and_in_the_card(
    build: Build, study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    level = load_checkpoint(study.level)
    with torch.no_grad():
        level.network.base.fc.weight.zero_()
        level.network.base.fc.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0]))
    guessing = study.level.with_name("guessing.safetensors")
    save_checkpoint(guessing, level.network, level.masks, level.header)
    export(guessing, tmp_path)
    assert "this network is at or near chance" in capsys.readouterr().out
    assert "at or near chance" in card_of(tmp_path)["warnings"][0]
    assert card_of(study.exported)["warnings"] == []
    guessing.unlink()


def test_a_limit_for_a_percentage_of_the_images_holds_for_each_of_them(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, milliseconds=1e6, percentage=90)
    assert card_of(tmp_path)["chosen"] == "milliseconds-of-90-percent=1e+06"
    assert card_of(study.exported)["chosen"] == "accuracy_lost=0.01"


def test_what_a_limit_costs_in_accuracy_is_said(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(study.level, tmp_path, macs_share=0.2)
    said = capsys.readouterr().out
    point = card_of(tmp_path)["operating_points"][1]["test"]
    assert f"({100 * point['accuracy_lost']:.1f} points below nobody leaving early)" in said


@pytest.mark.parametrize(
    "options", [{"macs_share": float("nan")}, {"milliseconds": float("inf")}, {"percentage": 90.0}, {"threads": 10**6}]
)
def test_options_that_mean_nothing_are_refused(study: Study, tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"finite number|give that too|were asked for"):
        export(study.level, tmp_path, **options)


def test_some_exits_and_a_threshold_are_exported_as_asked(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, kept="0,2", threshold=0.6)
    card, whole, images = card_of(tmp_path), card_of(study.exported), load_split(study.data, "test")
    assert [row["after_block"] for row in card["exits"]] == [1, 5, 6]
    assert [row["test"] for row in card["exits"]] == [whole["exits"][number]["test"] for number in (0, 2, 3)]
    assert (card["chosen"], card["provenance"]["exits"]) == ("threshold=0.6", "0,2")
    point = card["operating_points"][-1]
    assert (point["rule"], point["threshold"]) == ("threshold=0.6", 0.6)
    session = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    feed = {"pixels": images.pixels.numpy(), "threshold": np.array(0.6, dtype=np.float32)}
    answers, exits = session.run(["class", "exit"], feed)
    assert (answers == images.labels.numpy()).mean() == point["test"]["accuracy"]
    assert (np.bincount(exits, minlength=3) / len(exits)).tolist() == pytest.approx(point["test"]["exit_rate"])


def test_no_early_exit_may_be_kept(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, kept="none")
    assert [row["exit"] for row in card_of(tmp_path)["exits"]] == [0]


@pytest.mark.parametrize("kept", ["3", "0,0", "", "first", "0,,1", "-1"])
def test_exits_that_are_not_the_checkpoints_are_refused(study: Study, tmp_path: Path, kept: str) -> None:
    with pytest.raises(BadInput, match=r"--exits .*give none, or some of 0,1,2"):
        export(study.level, tmp_path / "out", kept=kept)
    assert not (tmp_path / "out").exists()


def test_thresholds_of_eight_bits_are_chosen_anew_and_told_as_they_turn_out(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, int8=True)
    card, images = card_of(tmp_path), load_split(study.data, "test")
    assert card["model"]["int8"]["calibrated_on"] == 60
    assert card["model"]["bytes"] < card_of(study.exported)["model"]["bytes"]
    assert card_of(study.exported)["model"]["int8"] is None
    session = ort.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for point in card["operating_points"]:
        feed = {"pixels": images.pixels.numpy(), "threshold": np.array(point["threshold"], dtype=np.float32)}
        answers, exits = session.run(["class", "exit"], feed)
        assert (answers == images.labels.numpy()).mean() == point["test"]["accuracy"]
        assert (np.bincount(exits, minlength=4) / len(exits)).tolist() == pytest.approx(point["test"]["exit_rate"])
    assert [point["threshold"] for point in card["operating_points"]] != [
        point["threshold"] for point in card_of(study.exported)["operating_points"]
    ]


def test_eight_bits_go_with_fewer_exits_and_a_limit_in_milliseconds(study: Study, tmp_path: Path) -> None:
    export(study.level, tmp_path, int8=True, kept="1", milliseconds=1e6, temperatures=True)
    card = card_of(tmp_path)
    assert [row["after_block"] for row in card["exits"]] == [3, 6]
    assert all(row["milliseconds"] > 0 for row in card["exits"])


def test_eight_bits_without_calibration_images_or_in_another_form_are_refused(study: Study, tmp_path: Path) -> None:
    level = tmp_path / "level.safetensors"
    level.write_bytes(study.level.read_bytes())
    with pytest.raises(BadInput, match="to calibrate --int8 with; give --data"):
        export(level, tmp_path / "out", int8=True)
    for form in ({"sparse": True}, {"form": "stages"}):
        with pytest.raises(BadInput, match="leave out --sparse and --form stages"):
            export(study.level, tmp_path / "out", int8=True, **form)
    assert not (tmp_path / "out").exists()


def test_what_no_export_wrote_stays_where_it_is(study: Study, tmp_path: Path) -> None:
    for name in ("model.onnx", "model-card.json", "model.sparse"):
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_text("mine")
        with pytest.raises(BadInput, match=f"{name}: is there, and no export wrote it; give another folder as --out"):
            export(study.level, folder, data=study.data)
        assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, "mine")]


def test_an_export_of_another_checkpoint_is_written_over_with_a_word(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(study.level, tmp_path, sparse=True)
    export(study.level, tmp_path, form="stages")
    card = tmp_path / "model-card.json"
    capsys.readouterr()
    export(study.level, tmp_path, form="stages", kept="0")  # two stages, where four are
    left = "of an earlier export, not of this one: model.sparse, stages/stage-2.onnx, stages/stage-3.onnx"
    assert left in capsys.readouterr().out
    card.write_text(card.read_text().replace(hashlib.sha256(study.level.read_bytes()).hexdigest(), "0" * 64))
    export(study.level, tmp_path)
    assert f"written over: the export of another checkpoint, {study.level.name}" in capsys.readouterr().out
    card.unlink()  # as a kill between the two files leaves it
    export(study.level, tmp_path)
    assert card.is_file()
