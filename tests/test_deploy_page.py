"""docs/deploy.md: what it shows is run, on a small exported network."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

import exitprune.commands.export
from tests.exported_study import CLASSES, make_study

PAGE = (Path(__file__).parents[1] / "docs" / "deploy.md").read_text()
HEADERS = os.environ.get("ONNXRUNTIME_HEADERS")


def code(section: str, language: str) -> str:
    """The first block of a language in a section."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    (found, *_) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model/` and `image.png`, as the page has them."""
    where = tmp_path_factory.mktemp("deploy")
    study = make_study(where / "study")
    exitprune.commands.export.main(study.level, where / "model", form="stages")
    pixels = np.random.default_rng(0).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(where / "image.png")
    return where


@pytest.fixture(scope="module")
def expected(folder: Path) -> tuple[str, float, int]:
    """What the model says of the image, by `exitprune predict`."""
    command = [sys.executable, "-m", "exitprune", "predict", "model/model.onnx", "image.png", "--json"]
    command += ["--threshold", str(first_threshold(folder))]
    (row,) = json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)["images"]
    return row["label"], row["confidence"], row["exit"]


def first_threshold(folder: Path) -> float:
    card = json.loads((folder / "model" / "model-card.json").read_text())
    return float(card["operating_points"][0]["threshold"])


def test_plain_onnxruntime_says_what_predict_says(folder: Path, expected: tuple[str, float, int]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code("Python", "python")], cwd=folder, capture_output=True, text=True, check=True
    )
    label, confidence, exit_ = done.stdout.split()
    assert (label, int(exit_)) == (expected[0], expected[2])
    assert float(confidence) == pytest.approx(expected[1], abs=1e-6)


@pytest.fixture
def server(folder: Path) -> Iterator[str]:
    """The address of the small server, stopped afterwards."""
    (folder / "server.py").write_text(code("Behind a small server", "python"))
    with subprocess.Popen(
        [sys.executable, "server.py", "0"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_small_server_answers_an_image_and_refuses_what_is_none(
    server: str, folder: Path, expected: tuple[str, float, int]
) -> None:
    with urllib.request.urlopen(server, (folder / "image.png").read_bytes(), timeout=20) as answer:
        found = json.load(answer)
    assert (found["class"], found["exit"]) == (expected[0], expected[2])
    assert found["confidence"] == pytest.approx(expected[1], abs=1e-6)
    for content, status in ((b"no image", 400), ((folder / "image.png").read_bytes()[:100], 400)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(server, content, timeout=20)
        assert refused.value.code == status
        refused.value.close()
    strange = urllib.request.Request(server, b"1", {"Content-Length": "many"})
    with pytest.raises(urllib.error.HTTPError, match="400"):
        urllib.request.urlopen(strange, timeout=20)


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("openvino") is None, reason="OpenVINO is not installed")
def test_openvino_runs_the_stages(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code("A file per stage, for other runtimes", "python")],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(done.stdout.replace("[", " ").replace("]", " ").split()) == 15  # five images


@pytest.mark.slow
@pytest.mark.skipif(HEADERS is None or shutil.which("g++") is None, reason="needs g++ and ONNXRUNTIME_HEADERS")
def test_cpp_says_what_python_says(folder: Path) -> None:
    assert HEADERS is not None
    (library,) = Path(ort.__file__).parent.glob("capi/libonnxruntime.so.*")
    (folder / "libonnxruntime.so.1").symlink_to(library)
    (folder / "predict.cpp").write_text(code("C++", "cpp"))
    build = code("C++", "sh").splitlines()[0].replace("<headers>", HEADERS)
    subprocess.run(build, shell=True, cwd=folder, check=True)
    pixels = np.random.default_rng(1).integers(0, 256, (9, 3, 12, 12), dtype=np.uint8)
    session = ort.InferenceSession(folder / "model" / "model.onnx", providers=["CPUExecutionProvider"])
    for threshold in (-1.0, 0.5, 1.0):
        command = ["./predict", "model/model.onnx", str(threshold)]
        done = subprocess.run(command, cwd=folder, input=pixels.tobytes(), capture_output=True, check=True)
        rows = [line.split() for line in done.stdout.decode().splitlines()]
        label, _, exit_ = session.run(None, {"pixels": pixels, "threshold": np.array(threshold, dtype=np.float32)})
        assert [[int(row[0]), int(row[2])] for row in rows] == np.stack([label, exit_], 1).tolist()
        assert max(int(row[0]) for row in rows) < len(CLASSES)
