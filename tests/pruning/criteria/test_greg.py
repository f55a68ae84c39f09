"""GReg: lambda step by step, what it does to gradients, and that exactly what it pressed on goes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from exitprune.config.data import Augment
from exitprune.config.training import Training
from exitprune.data.images import Images
from exitprune.networks.early_exit import EarlyExitNetwork
from exitprune.networks.masks import full_masks, weights
from exitprune.pruning.criteria._pressing import Pressing
from exitprune.pruning.criteria.greg1 import Greg1
from exitprune.pruning.criteria.greg2 import Greg2
from exitprune.training.callbacks import Callback
from exitprune.training.loop import train_
from tests.conftest import Build
from tests.pruning.contexts import a_context
from tests.small_study import NO_TRAINING, Study, killed_and_run_again

STILL = Augment(pad=0, flip=False)


class Spy(Callback):
    """Notes the pressure of every step."""

    def __init__(self, criterion: Pressing) -> None:
        self.criterion, self.seen = criterion, list[dict[str, Tensor]]()

    def after_backward(self, network: EarlyExitNetwork) -> None:
        self.seen.append({name: value.clone() for name, value in self.criterion._pressure.items()})


def pressed(
    criterion: Pressing, network: EarlyExitNetwork, images: Images, brief: Training, granularity: str = "weight"
) -> tuple[Spy, dict[str, Tensor], dict[str, Tensor]]:
    """What was seen in each step, and the masks of what is kept by what is said before and after."""
    context = a_context(network, granularity=granularity)
    criterion.start(context)
    before = context.plan(criterion.score(context))
    spy = Spy(criterion)
    train_(network, images, "all", criterion.first(brief), STILL, 0, full_masks(network), callbacks=[criterion, spy])
    return spy, before, context.plan(criterion.score(context))


@pytest.mark.parametrize("granularity", ["weight", "filter"])
def test_greg1_presses_on_what_goes_from_the_first_step_and_harder_every_ten(
    network: EarlyExitNetwork, images: Images, brief: Training, granularity: str
) -> None:
    spy, before, after = pressed(Greg1(epochs=6), network, images, brief, granularity)
    assert len(spy.seen) == 24
    for step, strength in ((0, 1e-4), (9, 1e-4), (10, 2e-4), (19, 2e-4), (20, 3e-4), (23, 3e-4)):
        for name, pressure in spy.seen[step].items():
            torch.testing.assert_close(pressure, strength * (~before[name]).float())
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert sum(int((~mask).sum()) for mask in after.values()) > 0


@pytest.mark.parametrize("granularity", ["weight", "filter"])
def test_greg2_presses_on_everything_and_then_turns_its_sign_for_what_stays(
    network: EarlyExitNetwork, images: Images, brief: Training, granularity: str
) -> None:
    criterion = Greg2(delta_all=0.01, ceiling_all=0.02, delta=1e-3, epochs=11, lr=0.1)
    spy, before, after = pressed(criterion, network, images, brief, granularity)
    full = {name: mask.clone() for name, mask in full_masks(network).items()}
    nothing = a_context(network, granularity=granularity).plan({n: m.float() for n, m in full.items()}, 0.0)
    for step, strength in ((0, 0.01), (10, 0.02), (20, 0.03), (29, 0.03)):
        for name, pressure in spy.seen[step].items():
            torch.testing.assert_close(pressure, strength * (~nothing[name]).float())
    for step, strength in ((30, 0.031), (40, 0.032)):
        for name, pressure in spy.seen[step].items():
            expected = torch.where(after[name], -1e-3, strength) * ~nothing[name]
            torch.testing.assert_close(pressure, expected)
    assert any(not torch.equal(before[name], after[name]) for name in before), "chosen by the weights as they were"


@pytest.mark.parametrize("granularity", ["weight", "filter"])
def test_no_layer_loses_all_it_has_and_what_stays_is_not_pressed_on(
    network: EarlyExitNetwork, images: Images, brief: Training, granularity: str
) -> None:
    for name in ("b1.c1", "b1.c2"):  # which takes away what the other makes
        weights(network)[name].data *= 1e-3
    context, criterion = a_context(network, granularity=granularity, kept_share=0.3), Greg1(epochs=1)
    criterion.start(context)
    assert not context.units_of(context.plan(criterion.score(context)))["b1.c1"].any()
    spy = Spy(criterion)
    train_(network, images, "all", criterion.first(brief), STILL, 0, full_masks(network), callbacks=[criterion, spy])
    masks = criterion.choose(context, criterion.score(context))
    assert all(unit.any() for unit in context.units_of(masks).values())
    assert all(torch.equal(pressure == 0, masks[name]) for name, pressure in spy.seen[0].items())


def test_a_layer_of_one_unit_may_lose_it(build: Build) -> None:
    context, criterion = a_context(build(depth=14), granularity="block"), Greg1()
    criterion.start(context)
    units = context.units_of(criterion.choose(context, criterion.score(context)))
    assert {bool(unit.any()) for unit in units.values()} == {True, False}


def test_with_the_numbers_of_the_source_greg2_chooses_in_update_1001(network: EarlyExitNetwork) -> None:
    criterion, context = Greg2(every=1), a_context(network)
    criterion.start(context)
    strengths = []
    for _ in range(1003):
        criterion.after_backward(network)
        strengths.append(float(criterion._pressure["fc"].max()))
        if len(strengths) == 1000:
            assert not criterion._scores
    assert strengths[:3] == pytest.approx([1e-5, 2e-5, 3e-5])
    assert strengths[999:] == pytest.approx([1e-2, 1.001e-2, 1.011e-2, 1.021e-2])
    assert float(criterion._pressure["fc"].min()) == pytest.approx(-1e-4)


def test_lambda_w_is_added_to_the_gradient(network: EarlyExitNetwork) -> None:
    criterion = Greg1(delta=0.5)
    criterion.start(a_context(network))
    for weight in weights(network).values():
        weight.grad = torch.ones_like(weight)
    criterion.after_backward(network)
    for name, weight in weights(network).items():
        assert weight.grad is not None
        torch.testing.assert_close(weight.grad, 1 + criterion._pressure[name] * weight.detach())


def test_at_the_ceiling_lambda_stands_still_and_the_training_ends_when_it_has_settled(
    network: EarlyExitNetwork, images: Images, brief: Training
) -> None:
    spy, *_ = pressed(Greg1(delta=0.5, every=2, settle=3, epochs=50), network, images, brief)
    strengths = [float(max(value.max() for value in seen.values())) for seen in spy.seen]
    assert strengths[:3] == [0.5, 0.5, 1.0]
    assert set(strengths[2:]) == {1.0}
    assert len(strengths) == 8  # settled in step 6, in the second epoch of four


def test_when_hardly_anything_is_left_of_what_goes_lambda_stops_before_the_ceiling(network: EarlyExitNetwork) -> None:
    criterion, context = Greg1(every=1, settle=0, ratio=1000), a_context(network)
    criterion.start(context)
    criterion.after_backward(network)
    assert not criterion.after_epoch(network, 1)
    going = criterion._going()
    with torch.no_grad():
        for name, weight in weights(network).items():
            weight[going[name]] *= 1e-5
    steps = 1
    while not criterion.after_epoch(network, 1):
        criterion.after_backward(network)
        steps += 1
    assert 1 < steps < 20  # a running mean: by one look it is not convinced
    assert all(ratio >= 1000 for ratio in criterion._ratios.values())
    assert float(criterion._pressure["fc"].max()) == pytest.approx(steps * 1e-4)


def test_lambda_grows_on_while_a_single_layer_has_much_left_of_what_goes(network: EarlyExitNetwork) -> None:
    criterion, context = Greg1(every=1, settle=0, ratio=1000, delta=1e-4), a_context(network)
    criterion.start(context)
    criterion.after_backward(network)
    going = criterion._going()
    with torch.no_grad():
        for name, weight in weights(network).items():
            weight[going[name]] *= 1.0 if name == "fc" else 1e-5
    for _ in range(30):
        assert not criterion.after_epoch(network, 1)
        criterion.after_backward(network)
    kept, goes = (weights(network)["fc"].detach().abs()[which].mean() for which in (~going["fc"], going["fc"]))
    assert float(criterion._ratios["fc"]) == pytest.approx(float(kept / goes))


@pytest.mark.parametrize("name", ["greg1", "greg2"])
def test_killed_while_the_penalty_grows_it_ends_with_the_same_bytes(
    study: Study, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    criterion: dict[str, Any] = {"name": name, "delta": 1e-2, "every": 1, "epochs": 2}
    criterion |= {"delta_all": 1e-3, "ceiling_all": 4e-3} if name == "greg2" else {}
    chosen: dict[str, Any] = {
        "order": "joint",
        "rounds": 1,
        "criterion": criterion,
        "finetune": NO_TRAINING,
        "granularity": "filter",
    }
    assert killed_and_run_again(study, monkeypatch, after=1, **chosen) == [1, 2]
