"""What the library's calls refuse, and what they leave behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

import exitprune
from exitprune.deployment.exported_model import ExportedModel
from exitprune.errors import BadInput
from exitprune.library.early_exits import EarlyExits
from exitprune.networks.checkpoints import save_checkpoint

TRAINED: dict[str, Any] = {"batch_size": 4, "lr": 0.01}


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


@pytest.mark.parametrize("ending", ["best", {"name": "patience", "epochs": 1}])
def test_an_ending_that_looks_at_images_is_given_some(
    net: EarlyExits, given: tuple[Tensor, Tensor], ending: Any
) -> None:
    trained = {**TRAINED, "epochs": 3}
    with pytest.raises(BadInput, match="give validation="):
        net.prune(*given, ending=ending, rounds=1, finetune=trained)
    net.prune(*given, ending=ending, rounds=1, finetune=trained, validation=given)
    assert net.sparsity == pytest.approx(0.8, abs=0.02)


def test_choices_that_would_have_no_effect_are_refused_as_in_a_study(
    net: EarlyExits, given: tuple[Tensor, Tensor]
) -> None:
    with pytest.raises(BadInput, match="criterion: magnitude_per_mac weighs layers against each other"):
        net.prune(*given, criterion="magnitude_per_mac", scope="layer", rounds=1, finetune=TRAINED)


@pytest.mark.parametrize("criterion", ["greg1", "greg2", "k_starts"])
def test_a_criterion_that_trains_first_prunes_too(
    net: EarlyExits, given: tuple[Tensor, Tensor], criterion: str
) -> None:
    net.prune(*given, criterion=criterion, rounds=1, finetune=TRAINED)
    assert net.sparsity == pytest.approx(0.8, abs=0.02)


def test_a_criterion_that_looks_at_what_was_drawn_is_refused(net: EarlyExits, given: tuple[Tensor, Tensor]) -> None:
    with pytest.raises(BadInput, match="dissipating looks at weights as they were drawn, which nobody knows of this"):
        net.prune(*given, criterion="dissipating", rounds=1, finetune=TRAINED)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda net, x, y: net.fit(x, y, train="heads"),
            "train='heads' was given; give one of base, exits, all, apart",
        ),
        (
            lambda net, x, y: net.fit(x, y, train="all", lr=1e30),
            r"fit: .*; lr 1e\+30 is too large, make it smaller",
        ),
        (lambda net, x, y: net.accuracy(x[:0], y[:0]), r"images are \(0, 1, 6, 6\); .*, N from 1 on"),
        (lambda net, x, y: net.accuracy(x.byte(), y), "images are torch.uint8 or not all finite; give floats"),
        (
            lambda net, x, y: net.accuracy(x * float("nan"), y),
            "images are torch.float32 or not all finite; give floats",
        ),
        (
            lambda net, x, y: net.accuracy(x, y.int()),
            r"labels are \(N,\) int64, from 0 to 2; these are \(8,\) torch.int32",
        ),
        (lambda net, x, y: net.accuracy(x, y + 1), r"from 0 to 2; these are \(8,\) torch.int64, \[1, 2, 3\]"),
        (lambda net, x, y: net.threshold(x, y, macs_share=50), r"not {'macs_share': 50}; .*, from 0 to 1"),
        (lambda net, x, y: net.threshold(x, y, macs_share="0.5"), r"not {'macs_share': '0.5'}; .*, from 0 to 1"),
        (lambda net, x, y: net.threshold(x, y, macs_share=True), r"not {'macs_share': True}; .*, from 0 to 1"),
        (
            lambda net, x, y: net.threshold(x, y),
            "one limit, not none; give accuracy_lost=... or macs_share=..., from 0 to 1",
        ),
        (
            lambda net, x, y: net.threshold(x, y, macs_share=0.5, milliseconds=1),
            "one limit, not {'macs_share': 0.5, 'mi",
        ),
        (lambda net, x, y: net.threshold(x, y, milliseconds=0), "or milliseconds=... above 0, and percentage"),
        (lambda net, x, y: net.threshold(x, y, milliseconds=1, percentage=101), "of the images, from 0 to 100"),
        (lambda net, x, y: net.threshold(x, y, macs_share=0.5, percentage=95), "with that alone"),
        (
            lambda net, x, y: net.threshold(x, y, milliseconds=1e-9),
            r"no threshold keeps milliseconds=1e-09 on these images: the first exit takes [\d.e-]+; give a larger value",
        ),
        (lambda net, x, y: net.milliseconds(threads=10_000), "threads: 10,000 were asked for"),
        (lambda net, x, y: net.evaluate(x, y, 0.5, [1.0]), "milliseconds has 1 entries, the network has 2 exits"),
        (lambda net, x, y: net.accuracy(x.numpy(), y), "images are a ndarray; give a tensor of torch"),
        (lambda net, x, y: net.accuracy(x, y.tolist()), "labels are a list; give a tensor of torch"),
        (lambda net, x, y: net.evaluate(x, y, 90), "threshold: 90 was given; no confidence is above 1"),
        (lambda net, x, y: net(x, threshold=float("nan")), "threshold: nan was given; give a finite number"),
        (lambda net, x, y: net(x, threshold="0.9"), "threshold: '0.9' was given; give a number"),
        (lambda net, x, y: net.evaluate(x, y, None), "threshold: None was given; give a number"),
        (lambda net, x, y: net.fit(x, y, augment={"pad": 1}), "augment is a dict; give exitprune's Augment"),
        (lambda net, x, y: net.prune(x, y, validation=x), "validation is a Tensor; give a pair, images and labels"),
        (lambda net, x, y: net.export("model.onnx", mean=0.5), "mean is 0.5; give a list, one for each channel"),
        (
            lambda net, x, y: net.export("model.onnx", classes="abc"),
            "classes is 'abc'; give a list, one for each class",
        ),
        (lambda net, x, y: exitprune.wrap("resnet", ["1"], x), "module is a str; give torch's Module"),  # type: ignore[arg-type]
        (lambda net, x, y: exitprune.wrap(net.module, ["1"], x.numpy()), "example is a ndarray; give torch's Tensor"),
        (lambda net, x, y: exitprune.wrap(net.module, None, x), "after is None; give a list of names"),  # type: ignore[arg-type]
        (lambda net, x, y: exitprune.load("net.safetensors", "x"), "module is a str; give torch's Module"),  # type: ignore[arg-type]
        (lambda net, x, y: net.export("model.onnx", mean=[0.5, 0.5]), "mean has 2 entries, the network has 1"),
        (lambda net, x, y: net.export("model.onnx", std=[0.0]), "std.0: Input should be greater than 0"),
        (lambda net, x, y: net.export("model.onnx", classes=["one"]), "classes has 1 entries, the network has 3"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(
    net: EarlyExits, given: tuple[Tensor, Tensor], call: Callable[..., object], sentence: str
) -> None:
    with pytest.raises(BadInput, match=sentence):
        call(net, *given)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"after": "13"}, r"after is '13', one name; give a list of names: \['13'\]"),
        ({"after": ["1"], "pool": 0}, "pool: Input should be greater than or equal to 1"),
    ],
)
def test_exits_that_cannot_be_meant_are_refused(net: EarlyExits, how: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        exitprune.wrap(net.module, example=torch.zeros(2, 1, 6, 6), **how)


MODES: list[Callable[[EarlyExits, Tensor, Tensor], object]] = [
    lambda net, x, y: net.accuracy(x, y),
    lambda net, x, y: net.evaluate(x, y, 0.5),
    lambda net, x, y: net.threshold(x, y, macs_share=1.0),
    lambda net, x, y: net(x, threshold=0.5),
    lambda net, x, y: net.fit(x, y, train="all", **TRAINED),
    lambda net, x, y: net.prune(x, y, rounds=1, finetune=TRAINED),
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("call", MODES)
def test_what_was_in_training_mode_is_so_afterwards(
    call: Callable[[EarlyExits, Tensor, Tensor], object], training: bool, given: tuple[Tensor, Tensor]
) -> None:
    layers = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)]
    module = nn.Sequential(*layers).train(training)
    module[1].eval()  # of a user who keeps its statistics
    net = exitprune.wrap(module, after=["2"], example=torch.zeros(2, 1, 6, 6))
    call(net, *given)
    assert not net.module.get_submodule("1").training
    assert all(part.training is training for name, part in net.named_modules() if not name.endswith("module.1"))


def test_a_share_that_is_gone_already_is_not_trained_for(net: EarlyExits, given: tuple[Tensor, Tensor]) -> None:
    net.prune(*given, sparsity=0.5, rounds=1, finetune=TRAINED)
    with pytest.raises(BadInput, match=r"sparsity 0.5 is of all that there ever was: nothing more would go"):
        net.prune(*given, sparsity=0.5, rounds=1, finetune=TRAINED)
    net.prune(*given, sparsity=0.75, rounds=1, finetune=TRAINED)
    assert net.sparsity == pytest.approx(0.75, abs=0.02)


class Twice(nn.Module):
    """A module that stands under two names, as shared encodings of positions do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.first = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 3, padding=1)
        self.again, self.fc = self.first, nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.again(self.first(self.stem(x)).relu()).relu()
        return self.fc(nn.functional.adaptive_avg_pool2d(x, 2).flatten(1))  # type: ignore[no-any-return]


def test_a_module_under_two_names_is_saved_and_loaded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    images = torch.randn(8, 2, 6, 6)
    net = exitprune.wrap(Twice(), after=["stem"], example=images)
    net.prune(images, torch.arange(8) % 3, rounds=1, sparsity=0.5, finetune=TRAINED)
    net.save(tmp_path / "net.safetensors")
    again = exitprune.load(tmp_path / "net.safetensors", Twice())
    with torch.no_grad():
        assert torch.equal(again.eval()(images), net.eval()(images))


class Versioned(nn.Linear):
    """A layer that asks which version of itself was saved, as MNASNet does."""

    _version = 2

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, metadata: dict[str, Any], *more: Any) -> None:
        assert metadata.get("version") == 2
        super()._load_from_state_dict(state, prefix, metadata, *more)


def test_a_module_that_asks_for_its_version_is_loaded(tmp_path: Path) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), Versioned(144, 3))

    net = exitprune.wrap(make(), after=["0"], example=torch.zeros(2, 1, 6, 6))
    net.save(tmp_path / "net.safetensors")
    again = exitprune.load(tmp_path / "net.safetensors", make())
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in net.state_dict().items())


def test_a_limit_in_milliseconds_is_kept_by_the_times_of_exits(
    net: EarlyExits, given: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(net.milliseconds()) == 2
    assert min(net.milliseconds()) > 0
    monkeypatch.setattr(EarlyExits, "milliseconds", lambda self, threads: [1.0, 3.0])
    assert net.evaluate(*given, net.threshold(*given, milliseconds=3), [1.0, 3.0]).accuracy_lost <= 0
    half = net.evaluate(*given, net.threshold(*given, milliseconds=2), [1.0, 3.0])
    assert half.milliseconds == pytest.approx(1 + 2 * half.exit_rate[1])
    assert half.exit_rate[1] <= 0.5
    all_of_them = net.threshold(*given, milliseconds=2.9, percentage=100)
    assert net.evaluate(*given, all_of_them).exit_rate == [1, 0]


def test_an_exported_file_is_sealed_and_says_what_it_was_given(net: EarlyExits, tmp_path: Path) -> None:
    net.export(tmp_path / "model.onnx", mean=cast(Any, torch.tensor([0.5])), classes=cast(Any, range(3)))
    model = ExportedModel(tmp_path / "model.onnx")
    assert model.is_sealed
    assert model.about.classes == ["0", "1", "2"]


@pytest.mark.parametrize("resaved", [False, True])
def test_a_level_of_a_study_is_exported_as_its_images_were_normalised(
    net: EarlyExits, given: tuple[Tensor, Tensor], tmp_path: Path, resaved: bool
) -> None:
    level, names = tmp_path / "level.safetensors", ["ant", "bee", "cow"]
    save_checkpoint(level, net.network, net.masks, {"name": "level", "mean": [0.4], "std": [0.2], "classes": names})
    again = exitprune.load(level, net.module)
    if resaved:
        again.save(level)
        again = exitprune.load(level, net.module).smaller()
    again.export(tmp_path / "model.onnx")
    pixels = (given[0].clamp(-1, 1) * 127 + 127).byte()
    model = ExportedModel(tmp_path / "model.onnx")
    with torch.no_grad():
        wanted = net.eval()((pixels / 255 - 0.4) / 0.2)[-1].softmax(-1).amax(-1)
    _, confidences, _ = model.run(pixels.numpy(), 1.0)
    assert confidences.tolist() == pytest.approx(wanted.tolist(), abs=1e-5)
    assert model.about.classes == names
