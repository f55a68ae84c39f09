from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.functional.classification import multiclass_calibration_error

from exitprune.evaluation.calibration import (
    Temperature,
    calibration,
    calibration_error,
    fit_temperatures,
    scaled,
    tried_temperatures,
)
from exitprune.evaluation.exiting import confidence_of


@given(
    seed=st.integers(0, 10**6), num_images=st.integers(1, 300), sharpness=st.floats(0.1, 5), num_bins=st.integers(1, 30)
)
def test_calibration_error_is_that_of_torchmetrics(seed: int, num_images: int, sharpness: float, num_bins: int) -> None:
    """torchmetrics counts a confidence of exactly 1 in a bin of its own; here none is."""
    draw = torch.Generator().manual_seed(seed)
    shares = (sharpness * torch.randn(num_images, 5, generator=draw)).softmax(-1)
    labels = torch.randint(0, 5, (num_images,), generator=draw)
    confidence, answers = shares.max(-1)
    theirs = multiclass_calibration_error(shares, labels, num_classes=5, n_bins=num_bins, norm="l1")
    assert calibration_error(confidence, answers == labels, num_bins) == pytest.approx(float(theirs), abs=1e-5)


def test_confidences_of_one_belong_to_the_last_bin() -> None:
    assert calibration_error(torch.tensor([1.0, 0.95]), torch.tensor([True, False])) == pytest.approx(0.475, abs=1e-7)


def test_a_confidence_at_an_edge_belongs_to_the_bin_below() -> None:
    assert calibration_error(torch.tensor([0.5, 0.75]), torch.tensor([True, False]), 2) == pytest.approx(0.625)


def test_a_temperature_is_tried_on_images_that_it_was_not_fitted_on(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = labelled([1.0], 10)[0], torch.arange(10) % 6
    fitted_on = []

    def fit(some: torch.Tensor, those: torch.Tensor) -> list[float]:
        fitted_on.append(those.tolist())
        return [1.0]

    monkeypatch.setattr("exitprune.evaluation.calibration.fit_temperatures", fit)
    tried_temperatures(logits, labels)
    numbers = labels.tolist()
    kept = [[number for place, number in enumerate(numbers) if place % 5 != fold] for fold in range(5)]
    assert sorted(fitted_on) == sorted([*kept, numbers])


def test_a_temperature_helps_where_held_out_images_are_better_calibrated_with_it() -> None:
    assert Temperature(2.0, error_without=0.2, error_with=0.1).helps
    assert not Temperature(2.0, error_without=0.1, error_with=0.2).helps


def test_an_exit_that_is_always_sure_and_right_has_no_error() -> None:
    assert calibration_error(torch.ones(10), torch.ones(10, dtype=torch.bool)) == 0


def labelled(sharpness: list[float], num_images: int = 4000) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose labels are drawn from their softmax, then made sharper by a factor per exit."""
    draw = torch.Generator().manual_seed(3)
    honest = torch.randn(num_images, 6, generator=draw) * 2
    labels = honest.softmax(-1).multinomial(1, generator=draw).flatten()
    return torch.stack([honest * factor for factor in sharpness]), labels


def test_the_temperature_undoes_a_known_sharpness_in_proportion() -> None:
    plain, soft, sharp = fit_temperatures(*labelled([1.0, 0.5, 3.0]))
    assert plain == pytest.approx(1, abs=0.05)
    assert soft == pytest.approx(plain / 2, rel=1e-3)
    assert sharp == pytest.approx(plain * 3, rel=1e-3)


def test_the_temperature_found_is_where_torch_finds_no_slope() -> None:
    logits, labels = labelled([2.0], 500)
    temperature = torch.tensor(fit_temperatures(logits, labels)[0], dtype=torch.float64, requires_grad=True)
    torch.nn.functional.cross_entropy(logits[0].double() / temperature, labels).backward()  # type: ignore[no-untyped-call]
    assert temperature.grad is not None
    assert abs(float(temperature.grad)) < 1e-5


def test_scaling_changes_confidence_and_no_answer() -> None:
    logits = labelled([1.0, 3.0], 200)[0]
    changed = scaled(logits, [2.0, 0.5])
    assert torch.equal(changed.argmax(-1), logits.argmax(-1))
    assert bool((confidence_of(changed)[0] < confidence_of(logits)[0]).all())


def test_an_overconfident_exit_is_shown_and_its_temperature_mends_it() -> None:
    logits, labels = labelled([1.0, 3.0])
    half = len(labels) // 2
    fitted = fit_temperatures(logits[:, :half], labels[:half])
    before, after = (calibration(logits[:, half:], labels[half:], given) for given in ([1.0, 1.0], fitted))
    assert before["overconfidence"][1] > 0.1
    assert abs(after["overconfidence"][1]) < 0.03
    assert after["calibration_error"][1] < before["calibration_error"][1] / 3
    assert after["temperature"] == fitted
