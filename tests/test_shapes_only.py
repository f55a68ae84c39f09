"""Shapes cost no time: nothing is drawn, and torch's compiler stays where it is."""

from __future__ import annotations

import subprocess
import sys

import torch
from torch import nn

from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.map_shapes import map_shapes
from exitprune.shapes_only import shapes_only

SPEC = Spec("resnet", {"depth": 8}, 3, 8, 8, 10, (1, 2), 4)


def test_shapes_are_those_of_the_real_network() -> None:
    real = {name: value.shape for name, value in EarlyExitNetwork(SPEC).state_dict().items()}
    with shapes_only():
        sketch = EarlyExitNetwork(SPEC)
        logits = sketch(torch.zeros(5, 3, 8, 8))
    assert {name: value.shape for name, value in sketch.state_dict().items()} == real
    assert all(value.is_meta for value in sketch.state_dict().values())
    assert logits.shape == (3, 5, 10)


def test_outside_of_it_weights_are_drawn() -> None:
    with shapes_only():
        nn.Linear(2, 2)
    assert len(set(nn.Linear(2, 2).weight.flatten().tolist())) == 4


def test_no_random_number_is_used_up() -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    map_shapes(Spec("resnet", {"depth": 14}, 3, 8, 8, 10, (1, 2), 4))
    assert torch.equal(torch.rand(3), expected)


def test_no_compiler_is_imported_for_shapes() -> None:
    code = (
        "import sys\n"
        "from exitprune.networks.early_exit import EarlyExitNetwork, Spec\n"
        f"EarlyExitNetwork({SPEC!r})\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
