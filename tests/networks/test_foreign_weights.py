"""Weights of a file start a network, if they fit; else which do not is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from exitprune.errors import BadInput
from exitprune.networks.architectures import torchvision
from exitprune.networks.as_drawn import base_as_drawn
from exitprune.networks.early_exit import Spec

NAME = "shufflenet_v2_x0_5"


def spec_of(path: Path | None, num_classes: int = 4) -> Spec:
    own = {"name": NAME} if path is None else {"name": NAME, "weights": str(path)}
    return Spec("torchvision", own, 3, 32, 32, num_classes, (), None)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_a_network_starts_from_the_weights_of_a_file_and_a_classifier_of_other_classes_is_drawn(
    tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"weights.{ending}"
    made = base_as_drawn(spec_of(None, 7), 1).base.whole.state_dict()
    if ending == "pth":
        torch.save({"state_dict": {f"module.{name}": value for name, value in made.items()}}, path)
    else:
        save_file(made, path)
    same = base_as_drawn(spec_of(path, 7), 0).base.whole.state_dict()
    assert all(torch.equal(value, made[name]) for name, value in same.items())
    other = base_as_drawn(spec_of(path, 4), 0).base.whole.state_dict()
    assert other["fc.weight"].shape == (4, 1024)
    assert all(torch.equal(value, made[name]) for name, value in other.items() if not name.startswith("fc."))


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    made = base_as_drawn(spec_of(None), 1).base.whole.state_dict()
    torch.save(
        {**{name: value for name, value in made.items() if name != "conv1.0.weight"}, "extra": torch.ones(1)}, path
    )
    with pytest.raises(BadInput, match=f"do not fit {NAME}: it lacks conv1.0.weight; it has extra too many"):
        base_as_drawn(spec_of(path), 0)
    torch.save({name: value for name, value in made.items() if name != "fc.bias"}, path)
    with pytest.raises(BadInput, match=r"it lacks fc\.bias"):
        base_as_drawn(spec_of(path), 0)
    torch.save({**made, "conv1.0.weight": torch.ones(1)}, path)
    with pytest.raises(BadInput, match=r"conv1.0.weight is \(1,\), not \(24, 3, 3, 3\)"):
        base_as_drawn(spec_of(path), 0)
    path.write_bytes(b"PK nothing")
    with pytest.raises(BadInput, match="holds no weights that can be read"):
        base_as_drawn(spec_of(path), 0)
    with pytest.raises(BadInput, match="holds no weights that can be read"):
        base_as_drawn(spec_of(tmp_path / "none.pth"), 0)


def test_a_name_that_torchvision_does_not_have_is_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="torchvision has no 'mobilenet_v4'; nearest: mobilenet_v2"):
        torchvision.build(torchvision.Settings(name="mobilenet_v4"), 3, 4)
    with pytest.raises(BadInput, match="takes images of 3 channels, or of 1, seen as grey; these have 2"):
        torchvision.build(torchvision.Settings(name=NAME), 2, 4)


def test_images_of_one_channel_are_seen_as_grey() -> None:
    grey = base_as_drawn(replace(spec_of(None), channels=1), 0).eval()
    images = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(grey(images), base_as_drawn(spec_of(None), 0).eval()(images.expand(-1, 3, -1, -1)))
