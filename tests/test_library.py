"""What the library's calls refuse, and what they leave behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import exitprune
from exitprune.deployment.exported_model import ExportedModel
from exitprune.errors import BadInput
from exitprune.library.early_exits import EarlyExits

TRAINED = {"batch_size": 4, "lr": 0.01}


@pytest.fixture
def net() -> EarlyExits:
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)]
    return exitprune.wrap(nn.Sequential(*layers), after=["1"], example=torch.zeros(2, 1, 6, 6))


@pytest.fixture
def given() -> tuple[Tensor, Tensor]:
    return torch.randn(8, 1, 6, 6, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 3


@pytest.mark.parametrize("setting", [{"heads": {}}, {"start": "initial"}, {"rewind": "initial"}])
def test_what_only_a_study_has_is_not_passed_over(
    net: EarlyExits, given: tuple[Tensor, Tensor], setting: dict[str, Any]
) -> None:
    with pytest.raises(BadInput, match=f"{next(iter(setting))}: only a study has it"):
        net.prune(*given, **setting)


@pytest.mark.parametrize("ending", ["best", "patience"])
def test_an_ending_that_looks_at_images_is_given_some(
    net: EarlyExits, given: tuple[Tensor, Tensor], ending: str
) -> None:
    with pytest.raises(BadInput, match="give validation="):
        net.prune(*given, ending=ending, rounds=1, finetune=TRAINED)
    net.prune(*given, ending=ending, rounds=1, finetune=TRAINED, validation=given)
    assert net.sparsity == pytest.approx(0.8, abs=0.02)


def test_choices_that_would_have_no_effect_are_refused_as_in_a_study(
    net: EarlyExits, given: tuple[Tensor, Tensor]
) -> None:
    with pytest.raises(BadInput, match="criterion: magnitude_per_mac weighs layers against each other"):
        net.prune(*given, criterion="magnitude_per_mac", scope="layer", rounds=1, finetune=TRAINED)


def test_an_exported_file_is_sealed(net: EarlyExits, tmp_path: Path) -> None:
    net.export(tmp_path / "model.onnx")
    assert ExportedModel(tmp_path / "model.onnx").is_sealed
