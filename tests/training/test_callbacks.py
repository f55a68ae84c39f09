"""Callbacks: what they may do at each point of a training, and that they go on after a kill."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks, weights
from exitprune.training.callbacks import Callback
from exitprune.training.loop import steps, train_
from exitprune.training.resumption import Resumption
from tests.conftest import Build

STILL = Augment(pad=0, flip=False)


class Busy(Callback):
    """Says something everywhere, remembers it, and learns a number of its own."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.progress: list[float] = []
        self.gate = Parameter(torch.ones(()))
        self.total = torch.zeros(())

    def parameters(self) -> Iterable[Parameter]:
        return [self.gate]

    def after_forward(self, network: EarlyExitNetwork, logits: Tensor, labels: Tensor) -> None:
        assert logits.shape[:2] == (network.num_exits, len(labels))
        self.calls.append("forward")

    def penalty(self, network: EarlyExitNetwork, progress: float) -> Tensor:
        self.calls.append("penalty")
        self.progress.append(progress)
        return self.gate * weights(network)["fc"].square().sum() * (1 + self.total)

    def after_backward(self, network: EarlyExitNetwork) -> None:
        self.calls.append("backward")
        assert network.base.fc.weight.grad is not None

    def after_step(self, network: EarlyExitNetwork, masks: Mapping[str, Tensor]) -> None:
        self.calls.append("step")
        self.total = self.total + 0.01

    def state_dict(self) -> dict[str, Tensor]:
        return {"total": self.total}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        self.total = state["total"]


class Stop(Callback):
    """Stops after an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def after_epoch(self, network: EarlyExitNetwork, epoch: int) -> bool:
        return epoch == self.epoch


def run(
    network: EarlyExitNetwork, images: Images, brief: Training, *callbacks: Callback, path: Path | None = None
) -> dict[str, Tensor]:
    resumption = Resumption(path, "key") if path else None
    train_(network, images, "all", brief, STILL, 0, full_masks(network), resumption=resumption, callbacks=callbacks)
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def test_each_step_asks_in_order_and_progress_ends_at_1(build: Build, images: Images, brief: Training) -> None:
    busy = Busy()
    run(build(), images, brief, busy)
    num = steps(images, brief)
    assert busy.calls == ["forward", "penalty", "backward", "step"] * num
    assert busy.progress == pytest.approx([k / num for k in range(1, num + 1)])


def test_a_callback_that_says_nothing_changes_no_bit(build: Build, images: Images, brief: Training) -> None:
    assert same(run(build(), images, brief), run(build(), images, brief, Callback()))


def test_a_penalty_moves_weights_and_what_the_callback_learns(build: Build, images: Images, brief: Training) -> None:
    busy = Busy()
    pressed, free = run(build(), images, brief, busy), run(build(), images, brief)
    assert pressed["base.fc.weight"].norm() < free["base.fc.weight"].norm()
    assert busy.gate.item() < 1


def test_what_a_callback_remembers_and_learns_survives_a_kill(
    build: Build, images: Images, brief: Training, tmp_path: Path
) -> None:
    path = tmp_path / "state.safetensors"
    whole, last = Busy(), Busy()
    expected = run(build(), images, brief, whole)
    run(build(), images, brief, Busy(), Stop(1), path=path)
    found = resumed(build(), images, brief, last, path)
    assert same(found, expected)
    assert torch.equal(last.gate, whole.gate)
    assert torch.equal(last.total, whole.total)


def resumed(
    network: EarlyExitNetwork, images: Images, brief: Training, callback: Callback, path: Path
) -> dict[str, Tensor]:
    """Go on as after a kill, which comes before anybody stops."""
    keep = Resumption.restore_

    class Killed(Resumption):
        def restore_(self, *arguments: object) -> tuple[int, bool]:
            return keep(self, *arguments)[0], False  # type: ignore[arg-type]

    train_(
        network,
        images,
        "all",
        brief,
        STILL,
        0,
        full_masks(network),
        resumption=Killed(path, "key"),
        callbacks=[callback],
    )
    return dict(network.state_dict())


def test_a_training_that_was_stopped_stays_stopped(
    build: Build, images: Images, brief: Training, tmp_path: Path
) -> None:
    path = tmp_path / "state.safetensors"
    first = run(build(), images, brief, Stop(1), path=path)
    assert same(run(build(seed=1), images, brief, Stop(1), path=path), first)
