"""Modules that are not what they look like are refused in a sentence that says what to give; unusual plain ones work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

import exitprune
from exitprune.errors import BadInput
from exitprune.evaluation.exiting import confidence_of, first_confident_exit
from tests.networks.any_network import noise
from tests.networks.test_any_network import in_wide_gaps

SIDE, CLASSES = 16, 10


class Three(nn.Module):
    """Three convolutions."""

    def __init__(self, norm: Callable[[int], nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        self.one, self.two, self.three = (
            nn.Sequential(nn.Conv2d(channels, 8, 3, padding=1), norm(8), nn.ReLU()) for channels in (3, 8, 8)
        )
        self.fc = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(self.one(x), 2)
        return self.answer(self.three(self.two(x)))

    def answer(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(x.mean((2, 3)))
        return logits


class Twice(Three):
    """Its second convolution runs twice."""

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.three(self.two(self.two(self.one(x)))))


class Moody(Three):
    """What runs depends on the image."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.one(x)
        return self.answer(self.three(torch.where(x.mean((1, 2, 3), keepdim=True) > 0.4, self.two(x), -x)))


class InPlace(Three):
    """It changes maps where they lie, and drops some of them in training."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.two(self.one(x)).mul(2)
        x += 1
        x = F.dropout(x, 0.2, self.training)
        return self.answer(self.three(x))


class Reading(nn.Module):
    """Attention to patches, then a recurrent layer over them."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.attention = nn.Conv2d(3, 8, 4, 4), nn.MultiheadAttention(8, 2, batch_first=True)
        self.mix, self.read, self.fc = nn.Linear(8, 8), nn.LSTM(8, 8, batch_first=True), nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = self.mix(x + self.attention(x, x, x)[0])
        logits: Tensor = self.fc(self.read(x)[0][:, -1])
        return logits


def _tied() -> nn.Module:
    made = Three()
    made.three[0].weight = made.two[0].weight
    return made


def _with(change: Callable[[nn.Module], object]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        made = Three()
        change(made.two[0])
        return made

    return make


def _quantised() -> nn.Module:
    import torch.ao.nn.quantized.dynamic as quantized

    made, linear = Three(), cast(Any, quantized.Linear)
    cast(Any, made).fc = linear(8, CLASSES)
    return made


def _lazy() -> nn.Module:
    made = Three()
    made.fc = nn.LazyLinear(CLASSES)
    return made


def _in_inference_mode() -> nn.Module:
    with torch.inference_mode():
        return Three()


@pytest.mark.parametrize(
    ("make", "after"),
    [
        pytest.param(lambda: Three(lambda channels: nn.Identity()), ["one", "two"], id="no-norm"),
        pytest.param(lambda: Three(lambda channels: nn.GroupNorm(2, channels)), ["one", "two"], id="group-norm"),
        pytest.param(lambda: Three(nn.InstanceNorm2d), ["one", "two"], id="instance-norm"),
        pytest.param(Twice, ["one"], id="runs-twice"),
        pytest.param(Moody, ["one"], id="depends-on-the-image"),
        pytest.param(InPlace, ["one", "two"], id="in-place-and-dropout"),
        pytest.param(Reading, ["patch", "mix"], id="attention-and-recurrent"),
    ],
)
def test_images_leave_a_network_of_ones_own_where_the_logits_say_before_and_after_pruning(
    make: Callable[[], nn.Module], after: list[str]
) -> None:
    torch.manual_seed(0)
    net, images = exitprune.wrap(make().eval(), after, noise(2, side=SIDE)), noise(7, 1, SIDE)
    for share in (0.5, 0.75):
        net.eval()
        with torch.no_grad():
            whole = net(images)
        confidence = confidence_of(whole)
        for threshold in (-1.0, *in_wide_gaps(confidence[:-1]), 1.0):
            exits = first_confident_exit(confidence, threshold)
            logits, taken = net(images, threshold=threshold)
            assert torch.equal(taken, exits)
            torch.testing.assert_close(logits, whole[exits, torch.arange(7)], rtol=1e-5, atol=1e-5)
        net.prune(images, torch.arange(7), sparsity=share, rounds=1, finetune={"batch_size": 4, "lr": 1e-3})


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: nn.DataParallel(Three()), r"hides a network \(it is DataParallel\); give what is inside, `.module`"),
        (lambda: torch.jit.script(Three()), "is scripted or traced, and nothing in it can be looked into"),
        (_quantised, r"is quantised \(fc\) and cannot be trained"),
        (_lazy, r"has weights without a size, fc\.weight; let it answer for some images first"),
        (_in_inference_mode, "was made in inference mode and cannot be trained"),
        (lambda: Three().double(), r"has one\.0\.weight in float64; give it in float32: `module\.float\(\)`"),
        (lambda: Three().bfloat16(), r"has one\.0\.weight in bfloat16; give it in float32"),
        (_with(parametrizations.weight_norm), r"computes two\.0\.weight from something else at each call; make it"),
        (
            _with(lambda layer: cast(Any, prune).l1_unstructured(layer, "weight", 0.5)),
            r"computes two\.0\.weight from something",
        ),
        (lambda: nn.Sequential(nn.BatchNorm2d(3), nn.Flatten()), "has no convolution and no linear layer"),
        (_tied, r"has one parameter under two names, two\.0\.weight and three\.0\.weight; give each its own"),
    ],
)
def test_a_module_that_is_not_what_it_looks_like_is_refused_in_a_sentence(
    make: Callable[[], nn.Module], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence) as refused:
        exitprune.wrap(make(), ["one"], noise(2, side=SIDE))
    assert "\n" not in str(refused.value)


def test_a_compiled_module_is_refused_for_the_one_that_was_compiled() -> None:
    hiding = type("OptimizedModule", (nn.Module,), {})()  # the compiler itself takes seconds to import
    hiding._orig_mod = Three()
    with pytest.raises(BadInput, match=r"hides a network.*give what is inside, `._orig_mod`"):
        exitprune.wrap(hiding, ["one"], noise(2, side=SIDE))


def test_a_norm_without_statistics_keeps_its_channels_and_the_smaller_network_answers_the_same() -> None:
    net, images = exitprune.wrap(Three(nn.InstanceNorm2d), ["one"], noise(2, side=SIDE)).eval(), noise(4, 1, SIDE)
    torch.testing.assert_close(net.smaller()(images), net(images))


def test_frozen_parts_stay_as_they_are_while_exits_are_trained_and_are_thawed_before_they_are() -> None:
    module = Three().eval().requires_grad_(False)
    net, images, labels = exitprune.wrap(module, ["one"], noise(2, side=SIDE)), noise(4, 1, SIDE), torch.arange(4)
    before = module.get_parameter("two.0.weight").clone()
    net.fit(images, labels, train="exits", epochs=1, batch_size=4)
    assert torch.equal(module.get_parameter("two.0.weight"), before)
    with pytest.raises(BadInput, match=r"14 of 14 parameters of base are frozen, one\.0\.weight first.*; call `net"):
        net.fit(images, labels, train="base", epochs=1)
    net.requires_grad_()
    module.two.requires_grad_(False)
    sentence = r"4 of 16 parameters of all are frozen, two\.0\.weight first, and all would be trained; call"
    with pytest.raises(BadInput, match=sentence):
        net.fit(images, labels, train="all", epochs=1)
    with pytest.raises(BadInput, match=sentence):
        net.prune(images, labels, rounds=1)
    net.requires_grad_()
    net.prune(images, labels, rounds=1, finetune={"batch_size": 4})
    assert not torch.equal(net.module.get_parameter("two.0.weight"), before)


def test_a_training_leaves_free_what_it_freezes_for_its_time() -> None:
    net = exitprune.wrap(Three(), ["one"], noise(2, side=SIDE))
    images, labels = noise(4, 1, SIDE), torch.arange(4)
    brief: dict[str, Any] = {"epochs": 1, "batch_size": 4}
    net.fit(images, labels, **brief)
    net.prune(images, labels, order="sequential", rounds=1, sparsity=0.5, finetune=brief)
    net.fit(images, labels, train="base", **brief)
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_a_recurrent_layer_that_nobody_may_come_to_is_not_exported(tmp_path: Path) -> None:
    net = exitprune.wrap(Reading(), ["mix"], noise(2, side=SIDE)).eval()
    with pytest.raises(
        BadInput, match="onnxruntime aborts at a recurrent layer that no image comes to; predict with it"
    ):
        net.export(tmp_path / "model.onnx")


@pytest.mark.parametrize(("name", "size"), [("resnet18", 64), ("vit_b_16", 100)])
def test_a_size_that_a_network_is_not_built_for_is_refused(name: str, size: int) -> None:
    from exitprune.networks.early_exit import Spec
    from exitprune.shapes_only import shapes_only

    with shapes_only(), pytest.raises(BadInput, match=rf"{name} cannot be built for size {size}: .*; give another, or"):
        Spec("torchvision", {"name": name, "size": size}, 3, size, size, CLASSES, (), None).build_base()


def test_torchvisions_classifiers_for_training_alone_are_left_out() -> None:
    from exitprune.networks.early_exit import Spec
    from exitprune.shapes_only import shapes_only

    with shapes_only():
        made = Spec("torchvision", {"name": "googlenet"}, 3, 64, 64, CLASSES, (), None).build_base().whole
    assert not any("aux" in name for name, _ in made.named_parameters())
    assert not made.aux_logits
