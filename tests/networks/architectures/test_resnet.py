"""The base network is the paper's: names, order and weight counts of its layers, and how it computes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from exitprune.networks.architectures.resnet import Block, Settings
from exitprune.networks.architectures.resnet import build as make
from exitprune.networks.masks import weights
from tests.conftest import Build

GOLDEN = Path(__file__).parents[1] / "golden" / "resnet56_layers.csv"
DEPTHS = (8, 14, 20, 32, 44, 56, 110)
PAPERS_EXITS = (4, 8, 12, 16, 20, 24)


def paper_layers() -> list[tuple[str, int]]:
    """The 64 rows of the paper's chart, in order: name, and the weights of a network whose exits are pooled to 1 x 1."""
    with GOLDEN.open() as file:
        return [(row["layer"], int(row["weights"])) for row in csv.DictReader(file)]


def test_the_64_layers_of_the_paper_match_in_name_order_and_weight_count(build: Build) -> None:
    network = build(56, PAPERS_EXITS, pool=1, channels=3, side=32, num_classes=10)
    ours = [(name, weight.numel()) for name, weight in weights(network).items()]
    assert ours == paper_layers()


@pytest.mark.parametrize(("pool", "grid"), [(2, 4), (4, 16), (8, 64)])
def test_pooling_to_a_grid_multiplies_the_weights_of_the_exits_alone(build: Build, pool: int, grid: int) -> None:
    network = build(56, PAPERS_EXITS, pool=pool, channels=3, side=32, num_classes=10)
    ours = {name: weight.numel() for name, weight in weights(network).items()}
    assert ours == {name: n * (grid if name.startswith("exit") else 1) for name, n in paper_layers()}


@pytest.mark.parametrize("depth", DEPTHS)
def test_depth_counts_the_convolutions_on_the_main_path_and_the_classifier(depth: int) -> None:
    network = make(Settings(depth=depth), 3, 10)
    shortcuts = [block.sc for block in network.blocks if block.sc is not None]
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) - len(shortcuts) + 1 == depth


def test_blocks_are_basic_not_bottlenecks() -> None:
    blocks = [child for child in make(Settings(depth=56), 3, 10).modules() if isinstance(child, Block)]
    assert [[block.c1.kernel_size, block.c2.kernel_size] for block in blocks] == [[(3, 3), (3, 3)]] * 27


def test_only_the_two_blocks_that_change_shape_project_their_shortcut() -> None:
    blocks = [child for child in make(Settings(depth=56), 3, 10).modules() if isinstance(child, Block)]
    kernels = {index: block.sc.kernel_size for index, block in enumerate(blocks, 1) if block.sc is not None}
    assert kernels == {10: (1, 1), 19: (1, 1)}


@pytest.mark.parametrize("depth", [-4, 0, 2, 7, 9, 55, 57, 10**9 + 6])
def test_a_depth_that_is_not_6n_plus_2_is_refused(depth: int) -> None:
    with pytest.raises(ValueError, match=r"the depth of a ResNet is 6n \+ 2"):
        Settings(depth=depth)


@torch.no_grad()
def test_a_block_adds_the_shortcut_before_the_last_relu(build: Build) -> None:
    block = build().base.blocks[1].eval()  # 16 to 32 channels, stride 2
    assert isinstance(block, Block)
    assert block.sc is not None
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(2, 16, 8, 8, generator=draw)
    for tensor in block.state_dict().values():
        if tensor.ndim == 1:  # of batch norm
            tensor.copy_(torch.rand(tensor.shape, generator=draw) + 0.5)

    def normalise(bn: nn.BatchNorm2d, y: torch.Tensor) -> torch.Tensor:
        return F.batch_norm(y, bn.running_mean, bn.running_var, bn.weight, bn.bias)

    inner = F.relu(normalise(block.bn1, F.conv2d(x, block.c1.weight, stride=2, padding=1)))
    main = normalise(block.bn2, F.conv2d(inner, block.c2.weight, padding=1))
    side = normalise(block.bn_sc, F.conv2d(x, block.sc.weight, stride=2))
    assert torch.equal(block(x), F.relu(main + side))


def test_the_same_seed_draws_the_same_weights_and_another_seed_others(build: Build) -> None:
    first, again, other = (build(seed=seed) for seed in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.base.conv.weight, other.base.conv.weight)
