"""`exitprune.sparse`, `exitprune export --sparse` and `exitprune predict --runtime sparse`, as a person meets them."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

import exitprune.sparse
from exitprune.commands.export import main as export
from exitprune.commands.predict import main as predict
from exitprune.config.choice import make
from exitprune.data.images import load_split
from exitprune.deployment.exported_model import ExportedModel
from exitprune.deployment.sparse import model
from exitprune.deployment.sparse.machine import AVX2, AVX512, NEON, CannotRun, Processor, chosen
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from exitprune.evaluation.logits import infer
from exitprune.networks.checkpoints import load_checkpoint, save_checkpoint
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.masks import apply_masks_, full_masks
from tests.commands.conftest import study as study  # a fixture
from tests.deployment.sparse.processors import processors
from tests.exported_study import Study, write_test_images
from tests.test_cli import HEAVY
from tests.test_cli import exitprune as run_exitprune

able = pytest.mark.skipif(not processors(), reason="no sparse kernels for this processor")


@pytest.fixture
def pictures(study: Study, tmp_path: Path) -> list[Path]:
    """The first eight test images."""
    return write_test_images(study, 8, tmp_path)


@able
@pytest.mark.parametrize("what", ["level", "file"])
def test_a_loaded_model_answers_as_the_network_does(study: Study, what: str) -> None:
    images = load_split(study.data, "test")
    logits = infer(study.network, images)
    exits = first_confident_exit(confidence_of(logits), 0.6)
    loaded = exitprune.sparse.load(study.level if what == "level" else study.exported / "model.sparse", threads=2)
    label, confidence, exit_ = loaded.run(images.pixels.numpy(), 0.6)
    assert exit_.tolist() == exits.tolist()
    assert label.tolist() == [int(logits[e, n].argmax()) for n, e in enumerate(exits)]
    assert confidence.dtype == np.float32
    assert len(set(exit_.tolist())) > 1


@able
@pytest.mark.parametrize("name", ["model.onnx", "model.sparse"])
def test_predict_says_the_same_with_both_runtimes(
    study: Study, pictures: list[Path], capsys: pytest.CaptureFixture[str], name: str
) -> None:
    said = []
    for runtime in ("onnxruntime", "sparse"):
        predict(
            study.exported / (name if runtime == "sparse" else "model.onnx"), pictures, runtime=runtime, as_json=True
        )
        said.append(json.loads(capsys.readouterr().out))
    for dense, sparse in zip(said[0]["images"], said[1]["images"], strict=True):
        assert (dense["label"], dense["exit"], dense["macs"]) == (sparse["label"], sparse["exit"], sparse["macs"])
        assert dense["confidence"] == pytest.approx(sparse["confidence"], abs=1e-4)
    assert said[0]["threshold"] == said[1]["threshold"]


@able
def test_predict_with_model_sparse_needs_neither_torch_nor_onnxruntime(study: Study, pictures: list[Path]) -> None:
    done = run_exitprune(
        "predict", str(study.exported / "model.sparse"), str(pictures[0]), without=[*HEAVY, "onnxruntime"]
    )
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr


def test_without_llvmlite_it_says_what_to_install(study: Study, pictures: list[Path]) -> None:
    done = run_exitprune("predict", str(study.exported / "model.sparse"), str(pictures[0]), without=["llvmlite"])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "llvmlite is not installed; run: pip install '.[sparse]'" in done.stderr


def test_where_there_is_no_sparse_file_it_says_how_to_write_one(study: Study, tmp_path: Path) -> None:
    shutil.copy(study.exported / "model.onnx", tmp_path / "model.onnx")
    with pytest.raises(BadInput, match=r"model\.sparse: there is no such model; write one with: exitprune export"):
        predict(tmp_path / "model.onnx", [tmp_path], runtime="sparse")


@able
def test_a_sparse_file_of_another_export_is_refused(study: Study, tmp_path: Path, pictures: list[Path]) -> None:
    shutil.copy(study.exported / "model.sparse", tmp_path)
    export(study.level, tmp_path / "later", data=study.data, macs_share=0.9)
    shutil.copy(tmp_path / "later/model.onnx", tmp_path)
    with pytest.raises(BadInput, match=r"model\.sparse: is of another export than .*model\.onnx beside it; export the"):
        predict(tmp_path / "model.onnx", pictures, runtime="sparse")


@pytest.fixture
def old_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that has none of the instructions."""

    def none() -> Processor:
        return chosen("core2", {"sse2": True}, "x86_64-unknown-linux-gnu")

    monkeypatch.setattr(model, "this_processor", none)


@pytest.mark.usefixtures("old_processor")
def test_a_processor_without_the_instructions_has_onnxruntime_instead(
    study: Study, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    predict(study.exported / "model.onnx", pictures, runtime="sparse", threshold=0.6)
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 9
    assert said.err.startswith("this processor (core2) has neither AVX-512, nor AVX2 with FMA, nor NEON")
    assert "onnxruntime runs" in said.err
    assert said.err.count("\n") == 1
    with pytest.warns(UserWarning, match="onnxruntime runs"):
        assert isinstance(exitprune.sparse.load(study.exported / "model.sparse"), ExportedModel)
    with pytest.warns(UserWarning, match="onnxruntime runs it"):
        assert isinstance(exitprune.sparse.load(study.level), ExportedModel)


@pytest.mark.parametrize(
    ("features", "triple", "wanted"),
    [
        ({"avx512f": True, "avx2": True, "fma": True}, "x86_64-unknown-linux-gnu", AVX512),
        ({"avx512f": False, "avx2": True, "fma": True}, "x86_64-pc-windows-msvc", AVX2),
        ({}, "aarch64-unknown-linux-gnu", NEON),
        ({}, "arm64-apple-darwin23", NEON),
    ],
)
def test_the_widest_vectors_are_chosen(features: dict[str, bool], triple: str, wanted: tuple[str, int]) -> None:
    found = chosen("some", features, triple)
    assert (found.name, found.lanes) == wanted


@pytest.mark.parametrize("features", [{"avx2": True}, {"avx": True, "fma": True}, {}])
def test_half_of_the_instructions_are_not_enough(features: dict[str, bool]) -> None:
    with pytest.raises(CannotRun, match="use onnxruntime"):
        chosen("some", features, "x86_64-unknown-linux-gnu")


def test_no_threads_are_refused(study: Study) -> None:
    with pytest.raises(BadInput, match="0 threads were given; give 1 or more"):
        exitprune.sparse.load(study.level, threads=0)


@able
def test_no_warning_where_sparse_kernels_run(study: Study) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(exitprune.sparse.load(study.exported / "model.sparse"), exitprune.sparse.SparseModel)


@able
def test_pixels_that_are_none_are_refused(study: Study) -> None:
    loaded = exitprune.__getattr__("sparse").load(study.level)
    with pytest.raises(BadInput, match=r"pixels are float32 \(1, 3, 12, 12\); give uint8 \(N, 3, 12, 12\)"):
        loaded.run(np.zeros((1, 3, 12, 12), np.float32), 0.5)


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A level whose network is not made of blocks, and has lost filters."""
    spec = Spec("python", {"name": "tests.networks.test_numbering:built"}, 3, 8, 8, 4, ("stem",), 1)
    network, filters = EarlyExitNetwork(spec).eval(), make("granularities", "filter", {})
    masks = filters.weight_masks(network, full_masks(network), {"middle.0": torch.arange(12) < 5})
    apply_masks_(network, masks)
    header = {"name": "level", "classes": list("abcd"), "mean": [0.5] * 3, "std": [0.25] * 3, "key": "k", "data": "d"}
    save_checkpoint(tmp_path / "level.safetensors", network, masks, header)
    return tmp_path / "level.safetensors"


def test_a_network_that_is_not_made_of_blocks_is_run_by_onnxruntime_with_a_warning(other: Path) -> None:
    with pytest.warns(UserWarning, match="built is not made of blocks in a row.*: onnxruntime runs it"):
        loaded = exitprune.sparse.load(other)
    assert isinstance(loaded, ExportedModel)
    pixels = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    level = load_checkpoint(other).network.eval()
    with torch.no_grad():
        logits = level((pixels / 255 - 0.5) / 0.25)
    label, _, _ = loaded.run(pixels.numpy(), 1.0)
    assert label.tolist() == logits[-1].argmax(-1).tolist()


def test_export_says_that_there_are_no_sparse_kernels_and_leaves_out_what_is_gone(other: Path, tmp_path: Path) -> None:
    export(other, tmp_path / "out", sparse=True)
    card = json.loads((tmp_path / "out/model-card.json").read_text())
    assert any("model.sparse was not written: built is not made of blocks" in said for said in card["warnings"])
    assert not (tmp_path / "out/model.sparse").exists()
    last = card["exits"][-1]
    assert last["macs"] == last["macs_executed"] < last["macs_dense"]
    for given, option in ({"form": "stages"}, "--form stages"), ({"int8": True}, "--int8"):
        with pytest.raises(BadInput, match=f"{option}: built is not made of blocks; leave it out"):
            export(other, tmp_path / "out", **given)
