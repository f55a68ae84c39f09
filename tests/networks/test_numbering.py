"""Channels are followed through any module: what may go is found, and whatever else meets channels keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import exitprune
from exitprune.deployment.sparse.from_network import steps_of
from exitprune.deployment.sparse.machine import CannotRun
from exitprune.errors import BadInput
from exitprune.networks.channels import Place
from exitprune.networks.coupling import free_filters
from exitprune.networks.early_exit import EarlyExitNetwork, Spec
from exitprune.networks.freedom import filters_of, free_streams, why_not
from exitprune.networks.numbered import Stream
from exitprune.networks.numbering import numbered
from tests.networks.any_network import CASES, Case, noise


class Tiny(nn.Module):
    """A stem, which an exit looks at, something in the middle, and a classifier."""

    def __init__(self, *middle: nn.Module) -> None:
        super().__init__()
        self.stem, self.middle, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Sequential(*middle), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.middle(self.stem(x)).mean((2, 3)))
        return logits


class Called(nn.Module):
    """Layers, and what is done with them."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class Squeezed(Called):
    """Squeeze and excitation: a factor for each channel."""

    def forward(self, x: Tensor) -> Tensor:
        first, down, up, last = self.layers
        y = F.hardswish(first(x))
        out: Tensor = last(y * torch.sigmoid(up(down(y.mean((2, 3), keepdim=True)).relu())))
        return out


class SideBySide(Called):
    """Two maps side by side."""

    def forward(self, x: Tensor) -> Tensor:
        first, second, both = self.layers
        y: Tensor = both(torch.cat((first(x), second(x)), 1))
        return y


class Shuffled(Called):
    """Channels in another order, by hand."""

    def forward(self, x: Tensor) -> Tensor:
        first, last = self.layers
        y = first(x)
        out: Tensor = last(y.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2))
        return out


class Fixed(Called):
    """A size that stands in the code."""

    def forward(self, x: Tensor) -> Tensor:
        first, last = self.layers
        y: Tensor = last(first(x).view(len(x), 8, -1, 4).view(len(x), 8, 4, 4))
        return y


class Summed(Called):
    """Two layers add to the same channels."""

    def forward(self, x: Tensor) -> Tensor:
        first, second, last = self.layers
        y: Tensor = last(first(x) + second(x))
        return y


class Scaled(Called):
    """A parameter for each channel, which no layer holds."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__(*layers)
        self.scale = nn.Parameter(torch.ones(8, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        first, last = self.layers
        y: Tensor = last(first(x) * self.scale)
        return y


class Halves(Called):
    """Half of the channels go one way, half another."""

    def forward(self, x: Tensor) -> Tensor:
        first, one, other = self.layers
        left, right = first(x).chunk(2, 1)
        y: Tensor = torch.cat((one(left), other(right)), 1)
        return y


def conv(outputs: int = 8, inputs: int = 8, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 1, groups=groups)


def built(channels: int, classes: int) -> nn.Module:
    """As `python: tests.networks.test_numbering:built`."""
    torch.manual_seed(0)
    return Tiny(conv(12), nn.BatchNorm2d(12), nn.ReLU(), conv(8, 12))


def network(*middle: nn.Module) -> EarlyExitNetwork:
    torch.manual_seed(0)
    return exitprune.wrap(Tiny(*middle).eval(), ["stem"], noise(2, side=4)).network


M = "middle.0.layers"


@pytest.mark.parametrize(
    ("middle", "free"),
    [
        ((conv(6), nn.BatchNorm2d(6), nn.ReLU(), conv(8, 6)), ["middle.0"]),
        ((conv(), conv(8, 8, 8), nn.BatchNorm2d(8), nn.MaxPool2d(2), conv()), ["middle.0"]),
        ((Squeezed(conv(6), conv(2, 6), conv(6, 2), conv(8, 6)),), [f"{M}.0", f"{M}.1"]),
        ((SideBySide(conv(3), conv(5), conv()),), [f"{M}.0", f"{M}.1"]),
        ((conv(6), nn.Upsample(scale_factor=2), conv(8, 6)), ["middle.0"]),
        ((Shuffled(conv(), conv()),), []),
        ((conv(), nn.ChannelShuffle(2), conv()), []),
        ((Fixed(conv(), conv()),), []),
        ((Summed(conv(), conv(), conv()),), []),
        ((Scaled(conv(), conv()),), []),
        ((Halves(conv(), conv(4, 4), conv(4, 4)),), []),
        ((conv(), conv(8, 8, 2), conv()), []),
        ((conv(), nn.GroupNorm(2, 8), conv()), []),
        ((conv(), nn.PReLU(8), conv()), []),
        ((conv(), nn.PReLU(), conv()), ["middle.0"]),
        ((shared := conv(), nn.ReLU(), shared), []),
    ],
    ids=lambda value: (
        ", ".join(map(str, value)) or "none"
        if isinstance(value, list)
        else " ".join(type(part).__name__ for part in value)
    ),
)
def test_filters_that_may_go_are_found_and_no_others(middle: tuple[nn.Module, ...], free: list[str]) -> None:
    assert list(filters_of(network(*middle))) == free


def test_the_layers_that_hold_a_channel_are_told_with_what_they_do_and_where() -> None:
    first, down = filters_of(network(Squeezed(conv(6), conv(2, 6), conv(6, 2), conv(8, 6)))).values()
    assert first.places == [
        Place(f"{M}.0", "makes"),
        Place(f"{M}.1", "reads"),
        Place(f"{M}.2", "makes"),
        Place(f"{M}.3", "reads"),
    ]
    assert down.places == [Place(f"{M}.1", "makes"), Place(f"{M}.2", "reads")]


def test_what_keeps_channels_is_told_by_its_name() -> None:
    told = why_not(network(conv(), nn.GroupNorm(2, 8), conv()))
    assert told[1] == "middle.0: native group norm in middle.1"
    assert told[0] == "stem: an exit looks at them"


@pytest.mark.parametrize("architecture", [("resnet", {"depth": 14}), ("vgg", {"depth": 11, "width": 0.1})])
def test_in_blocks_running_finds_what_following_step_by_step_finds(architecture: tuple[str, dict[str, float]]) -> None:
    spec = Spec(*architecture, 3, 16, 16, 4, (2,), 2)
    found = free_streams(numbered(EarlyExitNetwork(spec)))
    assert {one.layers("makes")[0]: one.places for one in found} == {
        name: one.places for name, one in free_filters(spec).items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mobilenet_v3_small", "densenet121"])
def test_torch_pruning_takes_the_same_along(name: str) -> None:
    pruning = pytest.importorskip("torch_pruning")
    case: Case = CASES[name]
    net = exitprune.wrap(case.make().eval(), case.after, noise(2)).network
    free = free_streams(numbered(net))
    graph = pruning.DependencyGraph().build_dependency(net, example_inputs=noise(1))
    layers = net.named_layers()
    parts = {id(part): part for part in net.modules()}
    for stream in free:
        maker = layers[stream.layers("makes")[0]]
        prune = pruning.prune_conv_out_channels if isinstance(maker, nn.Conv2d) else pruning.prune_linear_out_channels
        group = graph.get_pruning_group(maker, prune, idxs=[0])
        theirs = {id(item.dep.target.module) for item in group if id(item.dep.target.module) in parts}
        assert {one for one in theirs if list(parts[one].parameters())} == _ours(net, stream)


def _ours(net: EarlyExitNetwork, stream: Stream) -> set[int]:
    layers, norms = net.named_layers(), dict(net.base.named_modules())
    return {id(layers[place.layer]) for place in stream.places} | {id(norms[place.layer]) for place in stream.norms}


class Attention(Called):
    """Channels that an attention mixes, and nothing else."""

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        y: Tensor = self.layers[0](tokens, tokens, tokens)[0].transpose(1, 2).unflatten(2, x.shape[2:])
        return y


def test_a_network_without_such_filters_is_refused_before_any_training_in_one_sentence() -> None:
    net = exitprune.wrap(Tiny(Attention(nn.MultiheadAttention(8, 2, batch_first=True))), ["stem"], noise(2, side=4))
    with pytest.raises(
        BadInput, match=r"nothing here may go so \(stem: mm in middle\.0\.layers\.0; .*\); prune weights"
    ):
        net.prune(noise(8, side=4), torch.arange(8) % 4, granularity="filter")


def test_layers_beside_an_attention_can_be_pruned() -> None:
    attention = Attention(nn.MultiheadAttention(8, 2, batch_first=True))
    assert list(filters_of(network(conv(6), nn.ReLU(), conv(8, 6), attention))) == ["middle.0"]


@pytest.mark.parametrize("order", ["joint", "sequential"])
def test_pruned_filters_are_taken_out_and_the_smaller_network_trains_and_is_saved(order: str, tmp_path: Path) -> None:
    net, images, labels = exitprune.wrap(built(3, 4), ["stem"], noise(2, side=4)), noise(8, side=4), torch.arange(8) % 4
    net.prune(images, labels, order=order, sparsity=0.75, rounds=3, granularity="filter")
    smaller = net.smaller().eval()
    assert smaller.module.get_parameter("middle.0.weight").shape == (3, 8, 1, 1)
    assert smaller.module.get_submodule("middle.1").num_features == 3
    assert net.module.get_parameter("middle.0.weight").shape == (12, 8, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(smaller(images), net.eval()(images), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(smaller.module(images), net.module(images), rtol=1e-5, atol=1e-5)
    smaller.fit(images, labels, train="all", epochs=1)
    smaller.eval().save(tmp_path / "small.safetensors")
    again = exitprune.load(tmp_path / "small.safetensors", smaller.module).eval()
    with torch.no_grad():
        assert torch.equal(again(images), smaller(images))


def test_sparse_kernels_refuse_it_in_a_sentence_that_names_what_runs_it() -> None:
    net = network(conv(), nn.ReLU())
    with pytest.raises(
        CannotRun, match=r"Tiny is not made of blocks in a row.*; use onnxruntime, which takes model\.onnx"
    ):
        steps_of(net, [0.0] * 3, [1.0] * 3)
