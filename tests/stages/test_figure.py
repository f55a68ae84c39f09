"""The stage that draws one figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exitprune.errors import BadInput
from exitprune.stages import figure
from tests.synthetic import EVALUATE, settings, write_study, write_tables


def test_a_figure_is_written_as_svg_and_png_of_the_right_size(tmp_path: Path) -> None:
    write_tables(tmp_path, write_study(tmp_path, seeds=(0,), rounds=1)[1])
    svg, png, about = (
        tmp_path / name for name in ("figures/tradeoff.svg", "figures/tradeoff.png", "captions/tradeoff.json")
    )
    figure.main(settings(evaluate=EVALUATE), "tradeoff", tmp_path / "tables", svg, png, about)
    assert svg.read_text().startswith("<?xml")
    width = int.from_bytes(png.read_bytes()[16:20], "big")
    assert width == 1500  # 10 inches at 150 dots each
    said = json.loads(about.read_text())
    assert said["caption"].endswith("One seed, so there is no band.")
    assert said["alt"].startswith("Curves. Unpruned: from ")
    assert said["points"]


def test_a_figure_that_a_study_has_nothing_for_says_so(tmp_path: Path) -> None:
    (tmp_path / "layers_difference.csv").write_text("against,position,layer,difference,low,high,num_seeds\n")
    svg, png, about = (tmp_path / name for name in ("a.svg", "a.png", "a.json"))
    figure.main(settings(evaluate=EVALUATE), "layer_sparsity_difference", tmp_path, svg, png, about)
    assert json.loads(about.read_text())["nothing"] == "needs joint and another recipe"
    assert svg.exists()
    assert png.exists()


def test_a_figure_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no figure 'pie'; allowed: answer, calibration, .*tradeoff"):
        figure.main(
            settings(evaluate=EVALUATE), "pie", tmp_path, *(tmp_path / name for name in ("a.svg", "a.png", "a.json"))
        )
