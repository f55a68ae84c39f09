"""Counted and measured: the same points twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from exitprune.reporting.drawing import NothingToDraw
from exitprune.reporting.figures import inference
from tests.synthetic import EVALUATE


def test_all_panels_show_the_same_networks_and_accuracies(digits_tables: Path) -> None:
    shown = [
        [(line.get_label(), np.asarray(line.get_ydata()).tolist()) for line in axes.get_lines()]
        for axes in inference.draw(digits_tables, EVALUATE).axes
    ]
    assert len(shown) == 3, "counted, onnxruntime and sparse"
    assert shown[0] == shown[1]
    assert [name for name, _ in shown[0]] == ["unstructured", "filters", "plain ResNet-20"]
    assert [len(accuracies) for _, accuracies in shown[0]] == [3, 3, 1]


def test_it_says_how_and_on_what_it_was_timed(digits_tables: Path) -> None:
    counted, dense, _ = inference.draw(digits_tables, EVALUATE).axes
    assert counted.get_xlabel() == "average MACs per image, millions"
    assert dense.get_title() == "onnxruntime"
    assert dense.get_xlabel() == "milliseconds per image (batches of 64, one thread)"
    assert "an abacus" in inference.note(digits_tables, EVALUATE)


def test_without_measured_times_it_says_how_to_measure(lone_tables: Path) -> None:
    with pytest.raises(NothingToDraw, match="make bench-inference"):
        inference.draw(lone_tables, EVALUATE)
