"""The stage that draws one figure."""

from __future__ import annotations

from pathlib import Path

import pytest

from exitprune.errors import BadInput
from exitprune.stages import figure
from tests.synthetic import EVALUATE, settings, write_study, write_tables


def test_a_figure_is_written_as_svg_and_png_of_the_right_size(tmp_path: Path) -> None:
    write_tables(tmp_path, write_study(tmp_path, seeds=(0,), rounds=1)[1])
    svg, png = tmp_path / "figures" / "tradeoff.svg", tmp_path / "figures" / "tradeoff.png"
    figure.main(settings(evaluate=EVALUATE), "tradeoff", tmp_path / "tables", svg, png)
    assert svg.read_text().startswith("<?xml")
    width = int.from_bytes(png.read_bytes()[16:20], "big")
    assert width == 1500  # 10 inches at 150 dots each


def test_a_figure_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no figure 'pie'; allowed: calibration, .*tradeoff"):
        figure.main(settings(evaluate=EVALUATE), "pie", tmp_path, tmp_path / "a.svg", tmp_path / "a.png")
