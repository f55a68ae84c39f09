from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import onnxruntime as ort
import pytest

from exitprune.deployment import latency
from exitprune.deployment.extras import onnxruntime_session
from exitprune.deployment.folding import fold
from exitprune.deployment.latency import exit_milliseconds
from exitprune.deployment.onnx_export import build_model
from tests.as_if_trained import enliven_
from tests.conftest import Build


@pytest.mark.parametrize("num_classes", [2, 10])
def test_every_exit_gets_a_time(build: Build, num_classes: int) -> None:
    """Inside, each model is checked to send all images to the exit that it times."""
    network = fold(enliven_(build(depth=14, exits=(1, 3, 5), num_classes=num_classes)))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
    times = exit_milliseconds(network, [0.5], [0.2], pixels, repeats=3)
    assert len(times) == 4
    assert min(times) > 0


def test_a_session_runs_on_the_cpu_alone(build: Build) -> None:
    made = onnxruntime_session(build_model(fold(enliven_(build())), [0.5], [0.2]).SerializeToString(), 1)
    assert isinstance(made, ort.InferenceSession)
    assert made.get_providers() == ["CPUExecutionProvider"]


def test_a_time_is_the_median_of_the_turns_in_milliseconds_per_image(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = fold(enliven_(build(depth=8, exits=(1,))))
    turns = [[0.01, 0.03], [0.02, 0.05], [0.06, 0.04]]  # of each exit, in seconds
    readings = iter(moment for turn in turns for taken in turn for moment in (0.0, taken))
    monkeypatch.setattr(latency, "time", SimpleNamespace(perf_counter=lambda: next(readings)))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 1, 8, 8), dtype=np.uint8)
    assert exit_milliseconds(network, [0.5], [0.2], pixels, repeats=3) == pytest.approx([4.0, 8.0])
