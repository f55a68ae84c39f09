"""A stage starts without the packages that it can do without: importing one of these takes from a quarter to a whole second."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from exitprune.cli import build
build({stage!r})
if "torch" in sys.modules:
    from exitprune.config.compute import Compute
    from exitprune.jobs.compute import set_up
    from exitprune.networks.cost import costs
    from exitprune.networks.coupling import coupled
    from exitprune.networks.early_exit import EarlyExitNetwork, Spec
    from exitprune.networks.masks import full_masks
    set_up(Compute(device="cpu", threads=1, precision="float32", compile=False))
    network = EarlyExitNetwork(Spec("resnet", {{"depth": 8}}, 1, 8, 8, 10, (1,), 4))
    costs(network, full_masks(network))
    coupled(network.spec)
print(*sys.modules)
"""


@pytest.mark.parametrize(
    ("stage", "without"),
    [
        ("report", {"torch", "matplotlib", "sklearn", "scipy.stats"}),
        ("figure", {"torch", "sklearn"}),
        ("prune", {"torch._dynamo", "torchvision", "pandas", "scipy", "sklearn", "matplotlib"}),
        ("evaluate", {"torch._dynamo", "torchvision", "pandas", "scipy.stats", "sklearn", "matplotlib"}),
    ],
)
def test_a_stage_starts_without(stage: str, without: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(stage=stage)], capture_output=True, text=True, check=True
    )
    assert without & set(done.stdout.split()) == set()
