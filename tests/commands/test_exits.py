"""The table of points, of networks by name and of one's own in a file outside the repository."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from exitprune.commands.exits import main
from exitprune.config.model import Model
from exitprune.errors import BadInput
from exitprune.networks.cuts import check_cuts
from exitprune.networks.early_exit import EarlyExitNetwork, Spec

OWN = """
from torch import nn

def net(channels, num_classes):
    return nn.Sequential(
        nn.Conv2d(channels, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, num_classes),
    )
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network in the folder that everything runs in."""
    file = tmp_path / "a_network_of_mine.py"
    file.write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, file.stem, raising=False)
    return file


def test_the_table_tells_where_and_what_it_costs(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main("python:a_network_of_mine:net", size=8, channels=1, classes=4)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0][:4] == ["after", "MACs", "so", "far"]
    first, second = 64 * 9 * 4, 64 * 9 * 4 * 5
    later, size = second + 16 - first, ["4", "x", "8", "x", "8"]
    assert rows[1] == ["1", f"{first:,}", f"{first / (second + 16):.1%}", "16", f"{16 / later:.2%}", *size]
    assert [row[0] for row in rows[1:]] == ["1", "3", "5"]


def test_exits_that_cost_more_than_they_can_save_are_named(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for pool, saves in (
        (1, {"1": "0.17%", "3": "never", "5": "never"}),
        (8, {"1": "11.09%", "3": "never", "5": "never"}),
    ):
        main("python:a_network_of_mine:net", size=8, channels=1, classes=4, pool=pool)
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
        assert {row[0]: row[4] for row in rows} == saves


def test_a_network_of_ones_own_is_a_spec_like_any_other(mine: Path) -> None:
    model = Model(architecture="python", name="a_network_of_mine:net", exits=["1"], pool=2)
    assert model.own.files == [mine]
    spec = Spec(model.architecture, model.settings, 1, 8, 8, 4, ("1",), 2)
    check_cuts(spec)
    assert list(EarlyExitNetwork(spec).named_layers()) == ["0", "exit0", "2", "6"]


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (
            "mobilenet_v2",
            "'mobilenet_v2' is no network; write its family and its name: python:..., timm:..., torchvision",
        ),
        ("resnet:56", "exits of resnet follow blocks, which have numbers"),
        ("torchvision:mobilnet", "torchvision has no 'mobilnet'; nearest: mobilenet_v2"),
        ("torchvision:fcn_resnet50", "torchvision has no 'fcn_resnet50'; nearest: resnet50"),
        ("python:a_network_of_mine", "'python:a_network_of_mine' is no network: write package.module:function"),
        ("python:nowhere:net", "nowhere:net is not found: there is no module nowhere; put its folder on PYTHONPATH"),
        (
            "python:a_network_of_mine:nets",
            "a_network_of_mine:nets is not found: a_network_of_mine has no function nets",
        ),
        ("python:math:fmod", "math:fmod gives a float, not a torch.nn.Module"),
    ],
)
def test_another_model_is_refused_in_a_sentence(mine: Path, model: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        main(model, size=8, channels=3, classes=4)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "nn.Linear(4, num_classes)",
            "nn.Linaer(4, num_classes)",
            r"net ends in AttributeError in a_network_of_mine.py, line \d+: ",
        ),
        (
            "nn.Conv2d(channels, 4, 3",
            "nn.Conv2d(channels, 4, 1 // 0",
            r"ends in ZeroDivisionError in a_network_of_mine.py, line \d+: ",
        ),
        (
            "from torch",
            "import nothing_at_all\nfrom torch",
            r"ends in ModuleNotFoundError .*: No module named 'nothing_at_all'",
        ),
        ("return", "retrun", "ends in SyntaxError"),
    ],
)
def test_a_mistake_in_ones_own_code_is_told_where_it_is(mine: Path, old: str, new: str, sentence: str) -> None:
    assert old in mine.read_text()
    mine.write_text(mine.read_text().replace(old, new, 1))
    with pytest.raises(BadInput, match=sentence):
        main("python:a_network_of_mine:net", size=8, channels=3, classes=4)


@pytest.mark.parametrize("exits", [[1], ["1", "1"], [""]])
def test_exits_of_such_a_network_are_names(mine: Path, exits: list[int | str]) -> None:
    with pytest.raises(ValueError, match="an early exit of net follows a module: give names, each once and in order"):
        Model(architecture="python", name="a_network_of_mine:net", exits=exits, pool=2)
