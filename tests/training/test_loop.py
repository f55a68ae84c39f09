"""The training loop and its batches: seeded, exact about what stays zero and about what stays frozen."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch._dynamo.utils import counters
from torchvision.transforms.functional import normalize

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images, batches
from exitprune.errors import BadInput
from exitprune.evaluation.logits import infer
from exitprune.jobs.compute import CPU, Machine
from exitprune.jobs.progress import RunAway
from exitprune.jobs.seeding import generator
from exitprune.networks.early_exit import EarlyExitNetwork, Group
from exitprune.networks.masks import apply_masks_, full_masks, weights
from exitprune.training.callbacks import Callback
from exitprune.training.loop import images_seen, set_trainable_, steps, steps_per_epoch, train_
from exitprune.training.losses import exit_loss
from exitprune.training.resumption import Resumption
from tests.conftest import Build

STILL = Augment(pad=0, flip=False)


def state(network: EarlyExitNetwork) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


# Batches


def numbered(num: int, side: int = 5, channels: int = 2) -> Images:
    """Images of noise labelled with their own number, so that a batch tells which it holds."""
    draw = torch.Generator().manual_seed(0)
    pixels = torch.randint(1, 256, (num, channels, side, side), generator=draw).to(torch.uint8)
    identity = torch.zeros(channels, 1, 1), torch.ones(channels, 1, 1)
    return Images(pixels, torch.arange(num), *identity)


def slow_changes(image: Tensor, pad: int, flip: bool) -> list[list[list[list[int]]]]:
    """Every crop of the padded image, mirrored too where that may be, pixel by pixel."""
    channels, height, width = image.shape

    def pixel(c: int, y: int, x: int) -> int:
        return int(image[c, y, x]) if 0 <= y < height and 0 <= x < width else 0

    changes = []
    for mirrored in [False, True] if flip else [False]:
        for top in range(-pad, pad + 1):
            for left in range(-pad, pad + 1):
                columns = [left + (width - 1 - x if mirrored else x) for x in range(width)]
                changes.append(
                    [[[pixel(c, top + y, x) for x in columns] for y in range(height)] for c in range(channels)]
                )
    return changes


def pixels_of(batch: Tensor) -> list[list[list[list[int]]]]:
    """Undo the normalisation of `numbered`: back to whole numbers."""
    whole: list[list[list[list[int]]]] = (batch * 255).round().int().tolist()
    return whole


@pytest.mark.parametrize(("pad", "flip"), [(0, False), (1, False), (2, False), (0, True), (1, True)])
def test_a_changed_image_is_one_of_the_crops_and_mirrors_a_loop_makes_and_all_occur(pad: int, flip: bool) -> None:
    images = numbered(3)
    allowed = [slow_changes(image, pad, flip) for image in images.pixels]
    seen = set()
    for epoch in range(150):
        for batch, labels in batches(images, 3, Augment(pad=pad, flip=flip), generator(epoch)):
            for image, label in zip(pixels_of(batch), labels.tolist(), strict=True):
                assert image in allowed[label]
                seen.add(allowed[label].index(image))
    assert seen == set(range((2 * pad + 1) ** 2 * (2 if flip else 1)))


def test_digits_are_never_mirrored() -> None:
    images = numbered(1)
    mirrored = images.pixels.flip(3)[0].tolist()
    for epoch in range(50):
        ((batch, _),) = batches(images, 1, STILL, generator(epoch))
        assert pixels_of(batch)[0] == images.pixels[0].tolist() != mirrored


def test_about_every_second_image_is_mirrored() -> None:
    images = numbered(400)
    ((batch, labels),) = batches(images, 400, Augment(pad=0, flip=True), generator(0))
    mirrored = (batch * 255).round() == images.pixels[labels].flip(3)
    assert 160 < int(mirrored.flatten(1).all(1).sum()) < 240


def test_every_batch_is_full_and_an_epoch_shows_no_image_twice() -> None:
    images = numbered(10)
    left_out = set()
    for epoch in range(30):
        labels = [batch_labels.tolist() for _, batch_labels in batches(images, 4, STILL, generator(epoch))]
        assert [len(batch) for batch in labels] == [4, 4]
        shown = [label for batch in labels for label in batch]
        assert len(set(shown)) == 8
        left_out |= set(range(10)) - set(shown)
    assert left_out == set(range(10))


def test_a_set_smaller_than_a_batch_is_one_batch() -> None:
    ((pixels, labels),) = batches(numbered(3), 64, STILL, generator(0))
    assert len(pixels) == 3
    assert sorted(labels.tolist()) == [0, 1, 2]


@pytest.mark.parametrize(("num", "batch_size", "expected"), [(10, 4, 8), (8, 4, 8), (3, 64, 3), (64, 64, 64)])
def test_images_seen_in_an_epoch_are_what_batches_gives(num: int, batch_size: int, expected: int) -> None:
    images = numbered(num)
    settings = Training(epochs=1, lr=1, lr_scheduler="constant", momentum=0, weight_decay=0, batch_size=batch_size)
    assert images_seen(images, settings) == expected
    assert sum(len(labels) for _, labels in batches(images, batch_size, STILL, generator(0))) == expected


@pytest.mark.parametrize(
    ("epochs", "expected", "ended"),
    [(0, 0, []), (0.01, 1, [1]), (0.5, 2, [1]), (1, 4, [1]), (1.25, 5, [1, 2]), (1.05, 4, [1]), (2.75, 11, [1, 2, 3])],
)
def test_of_an_epoch_that_is_not_whole_its_share_of_steps_is_taken(
    network: EarlyExitNetwork, images: Images, brief: Training, epochs: float, expected: int, ended: list[int]
) -> None:
    settings, listener = brief.model_copy(update={"epochs": epochs}), Listener()
    train_(network, images, "all", settings, STILL, 0, full_masks(network), observer=listener)
    assert steps_per_epoch(images, settings) == 4
    assert steps(images, settings) == len(listener.steps) == expected
    assert images_seen(images, settings) == sum(listener.steps)
    assert [epoch for epoch, _ in listener.epochs] == ended


def test_the_loss_of_a_share_of_an_epoch_is_the_mean_over_its_steps(network: EarlyExitNetwork, images: Images) -> None:
    slow = Training(epochs=0.5, lr=1e-12, lr_scheduler="cosine", momentum=0, weight_decay=0, batch_size=10)
    network.eval()
    reference = copy.deepcopy(network).train()
    listener = Listener()
    train_(network, images, "all", slow, STILL, 7, full_masks(network), observer=listener)
    with torch.no_grad():
        losses = [float(exit_loss(reference(x), y)) for x, y in batches(images, 10, STILL, generator(7, 1))]
    assert listener.epochs[0][1] == pytest.approx(sum(losses[:2]) / 2, rel=1e-5)


def test_the_same_generator_gives_the_same_epoch_and_another_one_another() -> None:
    images = numbered(12)
    first, again, other = (
        [pixels for pixels, _ in batches(images, 4, Augment(pad=1, flip=True), generator(seed))] for seed in (0, 0, 1)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_pixels_are_normalised_as_torchvision_does() -> None:
    images = numbered(6, channels=3)
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.4, 0.5, 0.6])
    ours = Images(images.pixels, images.labels, mean[:, None, None], std[:, None, None]).normalise(images.pixels)
    theirs = normalize(images.pixels.float().div(255), mean.tolist(), std.tolist())
    assert torch.equal(ours, theirs)
    assert ours.is_contiguous(memory_format=torch.channels_last)


# The loop


def train(
    network: EarlyExitNetwork, images: Images, settings: Training, group: Group = "all", seed: int = 0
) -> EarlyExitNetwork:
    train_(network, images, group, settings, Augment(pad=1, flip=True), seed, full_masks(network))
    return network


def test_the_same_seed_trains_the_same_network_bit_for_bit_whatever_ran_before(
    build: Build, images: Images, brief: Training
) -> None:
    first = state(train(build(), images, brief))
    torch.manual_seed(99)
    train(build(seed=5), images, brief, seed=3)
    torch.rand(1000)
    assert same(first, state(train(build(), images, brief)))
    assert not same(first, state(train(build(), images, brief, seed=1)))


def test_training_leaves_the_global_generator_alone(network: EarlyExitNetwork, images: Images, brief: Training) -> None:
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    train(network, images, brief)
    assert torch.equal(torch.rand(3), expected)


def test_training_learns_what_tells_the_classes_apart(network: EarlyExitNetwork, images: Images) -> None:
    settings = Training(epochs=12, lr=0.1, lr_scheduler="one_cycle", momentum=0.9, weight_decay=0, batch_size=10)
    train_(network, images, "all", settings, STILL, 0, full_masks(network))
    correct = (infer(network, images).argmax(-1) == images.labels).float().mean(1)
    assert correct.min() > 0.9


def test_masked_weights_stay_exactly_zero_under_momentum_and_weight_decay(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    train(network, images, brief)
    draw = torch.Generator().manual_seed(0)
    masks = {name: torch.rand(w.shape, generator=draw) < 0.3 for name, w in weights(network).items()}
    apply_masks_(network, masks)
    train_(network, images, "all", brief, STILL, 1, masks)
    for name, weight in weights(network).items():
        assert torch.count_nonzero(weight[~masks[name]]) == 0
        assert (weight[masks[name]] != 0).all()


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
def test_training_the_exits_leaves_the_base_bit_for_bit_as_it_was(
    network: EarlyExitNetwork, images: Images, brief: Training, precision: torch.dtype
) -> None:
    train(network, images, brief)  # so that running statistics are not those of a new network
    before = state(network)
    train_(network, images, "exits", brief, STILL, 0, full_masks(network), Machine(torch.device("cpu"), precision))
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]) == name.startswith("base.")


def test_training_the_base_leaves_the_exits_bit_for_bit_as_they_were(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    before = state(network)
    train(network, images, brief, "base")
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]) == name.startswith("exits.")


def test_training_the_base_is_training_the_base_network_alone(build: Build, images: Images, brief: Training) -> None:
    few, many = build(exits=(2,)), build(exits=(1, 2))
    many.base.load_state_dict(few.base.state_dict())
    train(few, images, brief, "base")
    train(many, images, brief, "base")
    assert all(torch.equal(a, b) for a, b in zip(few.base.parameters(), many.base.parameters(), strict=True))


def test_training_all_moves_every_parameter(network: EarlyExitNetwork, images: Images, brief: Training) -> None:
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    train(network, images, brief)
    assert not [name for name, parameter in network.named_parameters() if torch.equal(parameter, before[name])]


def test_zero_epochs_do_nothing(network: EarlyExitNetwork, images: Images, brief: Training) -> None:
    before = state(network)
    train(network, images, brief.model_copy(update={"epochs": 0}))
    assert same(before, state(network))


@pytest.mark.parametrize(("group", "learning"), [("all", {"base", "exits"}), ("base", {"base"}), ("exits", {"exits"})])
def test_only_the_group_learns_and_only_its_batch_norm_is_in_training_mode(
    network: EarlyExitNetwork, group: Group, learning: set[str]
) -> None:
    for before in ("all", "base", "exits"):
        set_trainable_(network, before)
        set_trainable_(network, group)
        for part in ("base", "exits"):
            module = network.get_submodule(part)
            assert {parameter.requires_grad for parameter in module.parameters()} == {part in learning}
            assert {child.training for child in module.modules()} == {part in learning}


def test_weights_are_float32_after_training_in_bfloat16(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    train_(network, images, "all", brief, STILL, 0, full_masks(network), Machine(torch.device("cpu"), torch.bfloat16))
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_a_loss_that_is_not_finite_stops_training_and_says_when(network: EarlyExitNetwork, images: Images) -> None:
    wild = Training(epochs=5, lr=1e30, lr_scheduler="constant", momentum=0.9, weight_decay=0, batch_size=10)
    with pytest.raises(FloatingPointError, match=r"the loss is (nan|inf) in epoch 1"):
        train(network, images, wild)


class Listener:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.epochs: list[tuple[int, float]] = []

    def step(self, num_images: int) -> None:
        self.steps.append(num_images)

    def skip(self, num_images: int) -> None:
        """Not of interest here."""

    def end_epoch(self, epoch: int, loss: float) -> None:
        self.epochs.append((epoch, loss))


def test_the_observer_is_told_of_every_step_and_epoch(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    listener = Listener()
    train_(network, images, "all", brief, STILL, 0, full_masks(network), observer=listener)
    assert listener.steps == [10] * 8
    assert [epoch for epoch, _ in listener.epochs] == [1, 2]
    assert all(math.isfinite(loss) for _, loss in listener.epochs)


def test_the_loss_told_is_the_mean_over_the_steps(network: EarlyExitNetwork, images: Images) -> None:
    slow = Training(epochs=1, lr=1e-12, lr_scheduler="constant", momentum=0, weight_decay=0, batch_size=10)
    network.eval()  # the running statistics of the copy do not matter: batches are normalised by their own
    reference = copy.deepcopy(network).train()
    listener = Listener()
    train_(network, images, "all", slow, STILL, 7, full_masks(network), observer=listener)
    with torch.no_grad():
        losses = [float(exit_loss(reference(x), y)) for x, y in batches(images, 10, STILL, generator(7, 1))]
    assert listener.epochs[0][1] == pytest.approx(sum(losses) / 4, rel=1e-5)


def eased(start: float, end: float, share: float) -> float:
    """On half a wave of the cosine from one value to the other."""
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def one_cycle(step: int, peak: float, num_steps: int) -> float:
    """Up to the peak from a 25th of it within three tenths of all steps, counted with the one that is not taken, and down."""
    top = 0.3 * (num_steps + 1) - 1
    if step <= top:
        return eased(peak / 25, peak, step / top)
    return eased(peak, peak / 25 / 1e4, (step - top) / (num_steps - top))


RATES: dict[str, Callable[[int, float, int], float]] = {
    "one_cycle": one_cycle,
    "cosine": lambda step, peak, num_steps: eased(peak, 0, step / num_steps),
    "constant": lambda step, peak, num_steps: peak,
}


@pytest.mark.parametrize("scheduler", RATES)
def test_it_is_sgd_with_nesterovs_momentum_decay_and_the_schedule(
    network: EarlyExitNetwork, images: Images, scheduler: str
) -> None:
    settings = Training.model_validate(
        {"epochs": 2, "lr": 0.02, "lr_scheduler": scheduler, "momentum": 0.9, "weight_decay": 0.05, "batch_size": 10}
    )
    reference = copy.deepcopy(network).train()
    train_(network, images, "all", settings, STILL, 7, full_masks(network))
    speed = {name: torch.zeros_like(weight) for name, weight in reference.named_parameters()}
    shown = [batch for epoch in (1, 2) for batch in batches(images, 10, STILL, generator(7, epoch))]
    for step, (pixels, labels) in enumerate(shown):
        reference.zero_grad()
        exit_loss(reference(pixels), labels).backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for name, weight in reference.named_parameters():
                assert weight.grad is not None
                slope = weight.grad + 0.05 * weight
                speed[name] = 0.9 * speed[name] + slope
                weight.sub_(RATES[scheduler](step, 0.02, len(shown)) * (slope + 0.9 * speed[name]))
    for name, weight in network.named_parameters():
        torch.testing.assert_close(weight, reference.get_parameter(name), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("scheduler", RATES)
@pytest.mark.parametrize("epochs", [1, 2])
def test_every_scheduler_works_for_one_step_and_for_two(
    network: EarlyExitNetwork, images: Images, scheduler: str, epochs: int
) -> None:
    settings = Training.model_validate(
        {"epochs": epochs, "lr": 0.01, "lr_scheduler": scheduler, "momentum": 0.9, "weight_decay": 0.0}
        | {"batch_size": len(images)}
    )
    before = state(network)
    train_(network, images, "exits", settings, STILL, 0, full_masks(network))
    assert not same(before, state(network))


# Going on after a kill


class Killed(Exception):
    """Stands for SIGKILL."""


class Killer(Listener):
    """Kills after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def step(self, num_images: int) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


@pytest.fixture
def run(build: Build, images: Images, tmp_path: Path) -> Callable[..., dict[str, Tensor]]:
    """Train with masks and a file to resume from; the state at the end."""

    def go(settings: Training, group: Group, key: str = "k", observer: Listener | None = None) -> dict[str, Tensor]:
        network = build()
        masks = {n: torch.rand(w.shape, generator=generator(n)) < 0.5 for n, w in weights(network).items()}
        apply_masks_(network, masks)
        resumption = Resumption(tmp_path / "whole.partial.safetensors", key)
        train_(network, images, group, settings, Augment(pad=1, flip=True), 0, masks, CPU, observer, resumption)
        return state(network)

    return go


@pytest.mark.parametrize("scheduler", ["one_cycle", "cosine", "constant"])
@pytest.mark.parametrize("group", ["base", "exits", "all"])
def test_training_killed_in_the_middle_goes_on_to_the_same_bits(
    run: Callable[..., dict[str, Tensor]], tmp_path: Path, scheduler: str, group: Group
) -> None:
    settings = Training.model_validate(
        {"epochs": 3.5, "lr": 0.05, "lr_scheduler": scheduler, "momentum": 0.9, "weight_decay": 5e-4, "batch_size": 10}
    )
    undisturbed = run(settings, group)
    (tmp_path / "whole.partial.safetensors").unlink()
    for seen in (2, 6, 5):  # in epoch 1, then in epoch 2, then in epoch 3
        with pytest.raises(Killed):
            run(settings, group, observer=Killer(seen))
    listener = Listener()
    assert same(run(settings, group, observer=listener), undisturbed)
    assert [epoch for epoch, _ in listener.epochs] == [3, 4]


def test_what_is_not_finite_is_not_saved(
    network: EarlyExitNetwork, images: Images, brief: Training, tmp_path: Path
) -> None:
    class Infinite(Callback):
        """Leaves a weight after the first epoch that nobody could go on from."""

        def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
            network.base.fc.weight.data[0, 0] = torch.inf
            return False

    kept = tmp_path / "whole.partial.safetensors"
    with pytest.raises(RunAway, match=r"after epoch 1 .*fc"):
        train_(
            network, images, "all", brief, STILL, 0, full_masks(network),
            resumption=Resumption(kept, "k"), callbacks=[Infinite()],
        )  # fmt: skip
    assert not kept.exists()


def test_dropout_after_a_kill_is_what_it_would_have_been(
    build: Build, images: Images, brief: Training, tmp_path: Path
) -> None:
    def run(file: str, observer: Listener | None = None) -> dict[str, Tensor]:
        network, kept = build(), Resumption(tmp_path / file, "k")
        network.base.fc.register_forward_pre_hook(lambda module, given: F.dropout(given[0], 0.5, module.training))
        settings = brief.model_copy(update={"epochs": 3})
        train_(network, images, "base", settings, STILL, 0, full_masks(network), CPU, observer, kept)
        return state(network)

    undisturbed = run("one")
    with pytest.raises(Killed):
        run("two", Killer(5))
    assert same(run("two"), undisturbed)


def test_a_network_that_ran_away_at_the_end_is_refused_again(
    run: Callable[..., dict[str, Tensor]], brief: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exitprune.training.after.largest_answer", lambda *given: float("inf"))
    for _ in range(2):  # the second time its last epoch is restored
        with pytest.raises(FloatingPointError, match="answers are not finite"):
            run(brief, "all")


def test_a_state_made_from_something_else_is_not_used(run: Callable[..., dict[str, Tensor]], brief: Training) -> None:
    with pytest.raises(Killed):
        run(brief, "all", key="old", observer=Killer(6))
    listener = Listener()
    run(brief, "all", key="new", observer=listener)
    assert [epoch for epoch, _ in listener.epochs] == [1, 2]


def test_a_state_cut_short_is_refused_by_name(
    run: Callable[..., dict[str, Tensor]], brief: Training, tmp_path: Path
) -> None:
    run(brief, "all")
    part = tmp_path / "whole.partial.safetensors"
    part.write_bytes(part.read_bytes()[:-10])
    with pytest.raises(BadInput, match=r"whole\.partial\.safetensors"):
        run(brief, "all")


def test_forgetting_removes_the_state_and_may_be_repeated(tmp_path: Path) -> None:
    resumption = Resumption(tmp_path / "whole.partial.safetensors", "k")
    resumption.path.write_bytes(b"x")
    resumption.forget()
    resumption.forget()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning:torch")  # of torch, when it compiles
@pytest.mark.parametrize("group", ["base", "exits", "all"])
def test_a_compiled_network_learns_what_it_learns_otherwise(
    network: EarlyExitNetwork, images: Images, brief: Training, group: Group
) -> None:
    other, moving = copy.deepcopy(network), Augment(pad=1, flip=False)  # so that exits are not trained on kept maps
    train_(network, images, group, brief, moving, 0, full_masks(network))
    counters.clear()
    train_(other, images, group, brief, moving, 0, full_masks(other), Machine(torch.device("cpu"), compile=True))
    assert counters["stats"]["unique_graphs"] > 0
    compiled = other.state_dict()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(compiled[name], tensor, rtol=1e-3, atol=1e-4)
