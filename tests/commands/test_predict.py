from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from exitprune.commands.export import main as export
from exitprune.commands.predict import main as predict
from exitprune.data.image_files import decode
from exitprune.data.images import load_split
from exitprune.deployment.predict import read
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from exitprune.evaluation.logits import infer
from tests.exported_study import CLASSES, Study, without_seal, write_test_images


@pytest.fixture
def pictures(study: Study, tmp_path: Path) -> list[Path]:
    """The first twelve test images."""
    return write_test_images(study, 12, tmp_path)


def predicted(capsys: pytest.CaptureFixture[str], model: Path, images: list[Path], **options: Any) -> dict[str, Any]:
    predict(model, images, as_json=True, **options)
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_files_get_the_class_and_exit_that_the_network_gives(
    study: Study, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    logits = infer(study.network, load_split(study.data, "test"))[:, :12]
    exits = first_confident_exit(confidence_of(logits), 0.6)
    found = predicted(capsys, study.exported / "model.onnx", pictures, threshold=0.6)
    assert found["threshold"] == 0.6
    assert [row["exit"] for row in found["images"]] == exits.tolist()
    answers = logits[exits, torch.arange(12)].argmax(-1).tolist()
    assert [row["label"] for row in found["images"]] == [CLASSES[answer] for answer in answers]
    assert len(set(exits.tolist())) > 1


def test_macs_are_those_of_the_exit_taken_and_time_was_measured(
    study: Study, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    exits = json.loads((study.exported / "model-card.json").read_text())["exits"]
    for row in predicted(capsys, study.exported / "model.onnx", pictures, threshold=0.6)["images"]:
        assert (row["macs"], row["macs_executed"]) == tuple(
            exits[row["exit"]][key] for key in ("macs", "macs_executed")
        )
        assert 0 < row["milliseconds"] < 10_000


def test_the_table_has_a_line_for_every_image(
    study: Study, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    predict(study.exported / "model.onnx", pictures, threshold=-1.0)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert re.split(r"  +", heading) == [
        "image",
        "class",
        "confidence",
        "exit",
        "MACs executed",
        "MACs of weights",
        "milliseconds",
    ]
    assert [line.split()[0] for line in lines] == [str(path) for path in pictures]
    assert {line.split()[3] for line in lines} == {"0"}


def test_the_first_operating_point_is_the_default_and_others_have_names(
    study: Study, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    points = json.loads((study.exported / "model-card.json").read_text())["operating_points"]
    model = study.exported / "model.onnx"
    assert predicted(capsys, model, pictures)["threshold"] == points[0]["threshold"]
    named = predicted(capsys, model, pictures, operating_point="macs_share<=0.5")
    assert named["threshold"] == points[1]["threshold"]


def test_a_grey_picture_is_read_by_a_model_of_colour_images(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(np.full((12, 12), 90, dtype=np.uint8)).save(tmp_path / "grey.png")
    assert len(predicted(capsys, study.exported / "model.onnx", [tmp_path / "grey.png"])["images"]) == 1


def test_an_operating_point_that_is_not_there_is_refused(study: Study, pictures: list[Path]) -> None:
    with pytest.raises(
        BadInput, match=r"no operating point 'best'; give --threshold, or one of: accuracy_lost=0.01, macs_share=0.5"
    ):
        predict(study.exported / "model.onnx", pictures, operating_point="best")


def test_a_threshold_and_an_operating_point_are_refused_together(study: Study, pictures: list[Path]) -> None:
    with pytest.raises(BadInput, match="give one"):
        predict(study.exported / "model.onnx", pictures, threshold=0.5, operating_point="macs_share<=0.5")


def test_a_model_without_operating_points_needs_a_threshold(
    study: Study, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = without_seal(study.exported / "model.onnx")
    for item in model.metadata_props:
        if item.key == "operating_points":
            item.value = "[]"
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(BadInput, match="give --threshold"):
        predict(tmp_path / "model.onnx", pictures)
    assert len(predicted(capsys, tmp_path / "model.onnx", pictures, threshold=0.5)["images"]) == 12


def test_a_missing_model_is_refused(tmp_path: Path, pictures: list[Path]) -> None:
    with pytest.raises(BadInput, match=r"model\.onnx: there is no such model; write one with: exitprune export"):
        predict(tmp_path / "model.onnx", pictures)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x08\x09\x3a\x05hello"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, pictures: list[Path], content: bytes) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(BadInput, match="not an ONNX model"):
        predict(tmp_path / "model.onnx", pictures)


def test_a_truncated_model_is_refused(study: Study, tmp_path: Path, pictures: list[Path]) -> None:
    whole = (study.exported / "model.onnx").read_bytes()
    (tmp_path / "model.onnx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="not an ONNX model"):
        predict(tmp_path / "model.onnx", pictures)


def test_somebody_else_s_model_is_refused(study: Study, tmp_path: Path, pictures: list[Path]) -> None:
    model = without_seal(study.exported / "model.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(BadInput, match="not one that `exitprune export` wrote"):
        predict(tmp_path / "model.onnx", pictures)


def test_a_missing_image_is_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.png: there is no such image"):
        predict(study.exported / "model.onnx", [tmp_path / "none.png"])


def test_a_file_that_is_no_image_is_refused(study: Study, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(BadInput, match=r"text\.png: cannot be read as an image"):
        predict(study.exported / "model.onnx", [tmp_path / "text.png"])


def test_a_truncated_image_is_refused(study: Study, pictures: list[Path], tmp_path: Path) -> None:
    (tmp_path / "cut.png").write_bytes(pictures[0].read_bytes()[:200])
    with pytest.raises(BadInput, match=r"cut\.png: cannot be read as an image"):
        predict(study.exported / "model.onnx", [tmp_path / "cut.png"])


@pytest.mark.parametrize("mode", ["RGBA", "I;16"])
def test_an_image_that_would_lose_something_is_refused_as_in_training(study: Study, tmp_path: Path, mode: str) -> None:
    Image.new(mode, (12, 12)).save(tmp_path / "deep.png")
    with pytest.raises(BadInput, match=r"deep\.png: .*; wanted: .*grey or RGB"):
        predict(study.exported / "model.onnx", [tmp_path / "deep.png"])


def test_an_image_of_another_size_is_refused(study: Study, tmp_path: Path) -> None:
    Image.new("RGB", (12, 14)).save(tmp_path / "tall.png")
    with pytest.raises(BadInput, match="12 x 14 pixels, but the model takes 12 x 12"):
        predict(study.exported / "model.onnx", [tmp_path / "tall.png"])


def test_a_model_of_other_channels_than_image_files_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the model takes images of 2 channels, image files have 1 or 3; call it from"):
        read(cast(Any, SimpleNamespace(channels=2)), tmp_path / "image.png")  # as a sparse one may


def test_from_a_shell_a_mistake_is_one_sentence_and_predicting_does_not_load_torch(
    study: Study, pictures: list[Path]
) -> None:
    program = "import sys; from exitprune.cli import main\ntry: main()\nfinally: print('torch' in sys.modules)"

    def run(*arguments: Path | str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, "predict", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = run(study.exported / "model.onnx", pictures[0], "--json", "--threshold", "0.5")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("False\n")
    refused = run("none.onnx", pictures[0])
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "none.onnx: there is no such model" in refused.stderr


def test_a_folder_is_its_images_in_order_and_what_else_is_there_is_counted(
    study: Study, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pictures[0].parent
    (folder / "notes.txt").write_text("not an image")
    (folder / "more").mkdir()
    (folder / "more" / "a.png").write_bytes(pictures[0].read_bytes())
    predict(study.exported / "model.onnx", [folder], threshold=0.5, as_json=True)
    printed = capsys.readouterr()
    assert [row["image"] for row in json.loads(printed.out)["images"]] == sorted(
        [*map(str, pictures), str(folder / "more" / "a.png")]
    )
    assert printed.err == "passed over: 1 files that are no images by their name\n"


def test_a_model_of_scaled_images_scales_as_training_did(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = without_seal(study.exported / "model.onnx")
    for item in model.metadata_props:
        if item.key == "resized":
            assert item.value == "false"
            item.value = "true"
    onnx.save(model, tmp_path / "model.onnx")
    pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.png")
    Image.fromarray(decode(tmp_path / "large.png", "it", (12, 12))).save(tmp_path / "small.png")
    found = predicted(capsys, tmp_path / "model.onnx", [tmp_path / "large.png", tmp_path / "small.png"], threshold=1.0)
    large, small = found["images"]
    assert (large["label"], large["confidence"]) == (small["label"], small["confidence"])


def test_a_photo_that_lies_is_predicted_as_viewers_show_it(
    study: Study, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(pictures[0]).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "lying.png", exif=exif)
    found = predicted(capsys, study.exported / "model.onnx", [pictures[0], tmp_path / "lying.png"], threshold=1.0)[
        "images"
    ]
    assert found[0]["confidence"] == found[1]["confidence"]


def test_a_folder_without_images_is_refused(study: Study, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has no images; give image files"):
        predict(study.exported / "model.onnx", [tmp_path])


def test_an_image_comes_from_standard_input_or_a_pipe_and_so_does_the_model(
    study: Study, pictures: list[Path], tmp_path: Path
) -> None:
    command = 'cat "$2" | "$0" -m exitprune predict <(cat "$1") - <(cat "$3") --threshold 0.5 --json'
    words = [sys.executable, study.exported / "model.onnx", *pictures[:2]]
    done = subprocess.run(["bash", "-c", command, *map(str, words)], capture_output=True, text=True, check=True)
    rows = json.loads(done.stdout)["images"]
    predicted_apart = subprocess.run(
        [sys.executable, "-m", "exitprune", "predict", *map(str, words[1:]), "--threshold", "0.5", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = json.loads(predicted_apart.stdout)["images"]
    assert rows[0]["image"] == "-"
    assert [row["confidence"] for row in rows] == [row["confidence"] for row in expected]


def test_the_point_chosen_on_export_is_used_and_named(
    study: Study, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(study.level, tmp_path, macs_share=0.7)
    assert "macs_share=0.7: threshold" in (said := capsys.readouterr().out)
    assert [("predict uses this" in line) for line in said.splitlines()[1:3]] == [False, True]
    predict(tmp_path / "model.onnx", pictures[:1])
    assert "of the operating point macs_share=0.7" in capsys.readouterr().err


def test_class_names_cannot_forge_lines_or_colours_on_a_terminal(
    study: Study, pictures: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = without_seal(study.exported / "model.onnx")
    for item in model.metadata_props:
        if item.key == "classes":
            item.value = json.dumps(["\x1b[2Jforged\n0.png  safe", "\u202etxt", "c\r", "d\x9b"])
    onnx.save(model, tmp_path / "model.onnx")
    predict(tmp_path / "model.onnx", pictures, threshold=0.5)
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 1 + len(pictures)
    assert not set(printed) & set("\x1b\u202e\r\x9b")


def test_a_model_that_never_answers_ends_in_a_sentence(study: Study, pictures: list[Path], tmp_path: Path) -> None:
    model = without_seal(study.exported / "model.onnx")
    make, types = onnx.helper, onnx.TensorProto
    scalars = {"i": types.INT64, "on": types.BOOL, "x": types.FLOAT, "still": types.BOOL, "x2": types.FLOAT}
    value = {name: make.make_tensor_value_info(name, kind, []) for name, kind in scalars.items()}
    steps = [make.make_node("Identity", ["on"], ["still"]), make.make_node("Add", ["x", "x"], ["x2"])]
    body = make.make_graph(steps, "body", [value["i"], value["on"], value["x"]], [value["still"], value["x2"]])
    model.graph.initializer.append(make.make_tensor("forever", types.BOOL, [], [True]))
    model.graph.node.insert(0, make.make_node("Loop", ["", "forever", "threshold"], ["endless"], body=body))
    for node in model.graph.node[1:]:
        node.input[:] = ["endless" if name == "threshold" else name for name in node.input]
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(BadInput, match=r"model\.onnx: has not answered within 0\.5 s"):
        predict(tmp_path / "model.onnx", pictures, threshold=0.5, seconds=0.5)


DEAF = (
    "from exitprune.deployment import exported_model as m\n"
    "m.GRACE, model = 0.1, m.ExportedModel.__new__(m.ExportedModel)\n"
    "model.path, model.seconds, model.runtime = Path('m'), 0.1, __import__('onnxruntime')\n"
    "with model._within('loaded'): time.sleep(60)"
)
DEAF_TOO = (
    "from exitprune.deployment.sparse import loading\n"
    "loading.saved.read, loading.SparseNetwork = lambda path: (None, None), lambda *_: time.sleep(60)\n"
    "loading.opened(Path('m'), 1, 0.1)"
)


@pytest.mark.parametrize("program", [DEAF, DEAF_TOO], ids=["onnxruntime", "sparse"])
def test_what_does_not_obey_ends_with_the_process(program: str) -> None:
    program = f"import time; from pathlib import Path\n{program}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "m: not loaded within 0.1 s" in done.stderr


@pytest.mark.parametrize("options", [{"threads": 10**6}, {"threshold": float("nan")}, {"seconds": float("inf")}])
def test_numbers_beyond_the_machine_or_no_numbers_are_refused(
    study: Study, pictures: list[Path], options: dict[str, Any]
) -> None:
    with pytest.raises(BadInput, match=r"1,000,000 were asked for|give a finite number"):
        predict(study.exported / "model.onnx", pictures, **{"threshold": 0.5, **options})
