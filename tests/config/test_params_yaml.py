"""params.yaml stands as DVC writes it: `dvc exp run -S` changes the lines of the value given, and no other."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest

apply_overrides = pytest.importorskip("dvc.utils.hydra").apply_overrides  # what -S calls
FILE = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """A copy of params.yaml."""
    copy = tmp_path / "params.yaml"
    copy.write_text(FILE.read_text())
    return copy


def changed(file: Path) -> tuple[list[str], list[str]]:
    """The lines that went and those that came."""
    lines = list(difflib.ndiff(FILE.read_text().splitlines(), file.read_text().splitlines()))
    return [line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"]


def test_dvc_writes_the_file_as_it_is(params: Path) -> None:
    apply_overrides(params, [])
    assert params.read_text() == FILE.read_text()


@pytest.mark.parametrize(
    "override",
    ["sparsity=0.9", "rounds=3", "finetune.lr=0.02", "data.augment.flip=true", "data.path=/my images", "study=smoke",
     "model.pool=none", "base.lr_scheduler=cosine", "compute.device=cuda"],
)  # fmt: skip
def test_a_value_changes_its_line_and_keeps_the_comment(params: Path, override: str) -> None:
    apply_overrides(params, [override])
    (before,), (after,) = changed(params)
    name, _, value = override.rpartition("=")
    assert re.match(rf" *{name.split('.')[-1]}: +{value}\b", after)
    assert before.partition("#")[2] == after.partition("#")[2]


@pytest.mark.parametrize("override", ["seeds=[0,1]", "model.exits=[1,2]", "rivals=[8]"])
def test_a_list_adds_its_lines_alone(params: Path, override: str) -> None:
    apply_overrides(params, [override])
    gone, come = changed(params)
    assert gone == []
    assert all(re.fullmatch(r" *- \d+", line) for line in come)


def test_a_value_taken_back_leaves_no_trace(params: Path) -> None:
    apply_overrides(params, ["finetune.lr=0.02"])
    apply_overrides(params, ["finetune.lr=null"])
    assert params.read_text() == FILE.read_text()
