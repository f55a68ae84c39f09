"""What benchmarks put into pages, and what they find in records."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from benchmarks import acts, study
from benchmarks.base_training import Averaged, NoDecayOfNorms, SmallFirst
from benchmarks.inference import by_exit
from benchmarks.inference.__main__ import checked
from benchmarks.inference.front import lead, pareto
from benchmarks.kept import draw
from benchmarks.pages import put, table_of
from benchmarks.paper_picture import lead_by_exit
from benchmarks.rounding import runs_of, scatter
from benchmarks.steps import steps

from exitprune.errors import BadInput
from exitprune.evaluation.record_reading import read_about
from exitprune.jobs.progress import TRACE
from tests.conftest import Build
from tests.synthetic import write_data, write_run, write_study

ROOT = Path(__file__).parents[1]


def test_a_table_is_put_in_its_own_place_again_and_again(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n\n<!-- table: a -->\n\n<!-- end -->\n\nBetween.\n\n<!-- table: b -->\n<!-- end -->\n")
    for number in ("1", "2"):
        put(page, "a", ["name", "value"], [["x", number]])
    assert table_of(page, "a") == "| name | value |\n| --- | ---: |\n| x | 2 |\n"
    assert table_of(page, "b").strip() == ""
    assert "Between." in page.read_text()


def test_networks_are_trained_though_their_records_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], env: dict[str, str] | None = None, **_: Any) -> None:
        commands.append([str(word) for word in command])
        if env:
            Path(env[TRACE]).write_text('{"start": 0, "end": 1}\n')

    monkeypatch.setattr(subprocess, "run", run)
    assert study.measure()
    assert commands[-1][-2:] == ["--config", "records=here"]
    before, _ = (ROOT / "Makefile").read_text().split("\n\tpython -m benchmarks.inference $(STUDY) $(OPTIONS)\n")
    made = re.findall(r"snakemake .*", before.rpartition("\nbench-inference:")[2])
    assert [" checkpoints" in line for line in made] == [True, True]


def test_a_page_without_the_place_is_left_alone_and_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Nothing.\n")
    with pytest.raises(ValueError, match="no place for a table 'a'; write: <!-- table: a -->"):
        put(page, "a", ["name"], [["x"]])
    assert page.read_text() == "Nothing.\n"


def test_rounding_is_what_differs_within_a_seed_and_seeds_are_told_without_it(tmp_path: Path) -> None:
    computed = []
    for place, sharpness in enumerate((1.0, 1.0, 1.05)):
        folder = tmp_path / str(place)
        labels = write_data(folder / "data.safetensors")
        for recipe in ("joint", "ordered"):
            for seed in (0, 1):
                write_run(folder, seed, recipe, labels, rounds=1, sharpness=sharpness if recipe == "joint" else 1.0)
        computed.append(runs_of(folder))
    same, other = scatter(computed[:2]), scatter([computed[0], computed[2]])
    assert set(same["std_rounding"]) == {0}
    early = other.query("measure == 'early_exits_accuracy' and state == 'final'").iloc[0]
    differences = [
        [
            float(
                np.subtract(*(runs[recipe, seed, "final"].test.correct[:-1].mean() for recipe in ("joint", "ordered")))
            )
            for runs in (computed[0], computed[2])
        ]
        for seed in (0, 1)
    ]
    rounding, of_means = np.var(differences, axis=1, ddof=1).mean(), np.var(np.mean(differences, axis=1), ddof=1)
    assert early["std_rounding"] == pytest.approx(np.sqrt(rounding))
    assert early["std_seeds"] == pytest.approx(np.sqrt(max(0, of_means - rounding / 2)))
    assert early["num_seeds"] == early["num_computations"] == 2


def test_the_steps_of_a_lead_add_up_to_it(tmp_path: Path) -> None:
    labels = write_data(tmp_path / "data.safetensors")
    for place, recipe in enumerate(("joint", "control_half", "sequential", "ordered")):
        for seed in (0, 1):
            write_run(tmp_path, seed, recipe, labels, rounds=1, sharpness=1 - 0.1 * place)
    runs = runs_of(tmp_path)
    early = steps(runs).query("measure == 'early_exits_accuracy' and state == 'final'").set_index("step")
    assert list(early["first"] + " " + early["second"])[:4] == [
        *("joint ordered", "joint control_half", "control_half sequential", "sequential ordered")
    ]
    means = {
        recipe: np.mean([runs[recipe, seed, "final"].test.correct[:-1].mean() for seed in (0, 1)])
        for recipe in ("joint", "ordered")
    }
    assert early["difference"].iloc[0] == pytest.approx(means["joint"] - means["ordered"])
    assert early["difference"].iloc[1:4].sum() == pytest.approx(early["difference"].iloc[0])
    assert (early["low"] < early["difference"]).all()
    assert (early["difference"] < early["high"]).all()


def test_the_lead_drawn_is_that_of_each_exit_over_seeds(tmp_path: Path) -> None:
    rows = [
        {"recipe": recipe, "seed": seed, "state": state, "split": split, "exit": exit_, "accuracy": accuracy}
        for seed, lead in enumerate((0.1, 0.2, 0.3))
        for exit_ in (0, 1)
        for recipe, accuracy in (("ordered", 0.5), ("joint", 0.5 + (0.0 if exit_ else lead)))
        for state, split in (("final", "test"), ("final", "sample"), ("recovered", "test"))
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "exits.csv", index=False)
    found = lead_by_exit(tmp_path)
    assert found["difference"].to_list() == pytest.approx([0.2, 0])
    assert found["high"].iloc[0] == pytest.approx(0.2 + 4.303 * 0.1 / 3**0.5, abs=1e-3)  # Student's t of three seeds


def points(*pairs: tuple[float, float]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["ms", "accuracy"])


def test_nothing_on_the_front_is_beaten() -> None:
    front = pareto(points((3, 0.9), (1, 0.7), (2, 0.7), (2, 0.8), (4, 0.85), (1, 0.6)))
    assert list(zip(front["ms"], front["accuracy"], strict=True)) == [(1, 0.7), (2, 0.8), (3, 0.9)]


def test_a_lead_is_where_the_same_accuracy_takes_less_time() -> None:
    ours, theirs = points((1, 0.80), (3, 0.84), (9, 0.90)), points((2, 0.82), (4, 0.86))
    found = lead(ours, theirs)
    assert found.width == pytest.approx(0.02 + 0.04)
    assert np.allclose(found.parts, [(0.82, 0.84), (0.86, 0.90)])
    assert lead(theirs, theirs).width == 0


def test_what_an_exit_adds_where_all_stay_is_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    body, heads = [1.0, 2.0, 4.0], [0.25, 0.5]

    class Two:
        num_exits = 3

    class Timed:
        network = Two()

    monkeypatch.setattr(by_exit, "_run", lambda *about: about[-1])  # the exits that are kept stand for the run

    def clock(jobs: list[Any], batches: list[Any]) -> list[float]:
        times = []
        for kept, threshold in jobs:
            leaves = kept and threshold < 0
            times.append((body[kept[0]] if leaves else body[-1]) + sum(heads[exit_] for exit_ in kept))
        return times

    rows = by_exit.by_exit(Timed(), None, {}, [], "sparse", 1, clock)  # type: ignore[arg-type]
    assert [(row["exit"], row["body"], row["head"]) for row in rows] == [(0, 1, 0.25), (1, 2, 0.5), (2, 4, 0)]


def test_training_loss_and_test_accuracy_stand_over_the_share_kept() -> None:
    rows = [
        {
            "seed": seed,
            "recipe": f"kept-{kept}",
            "exit": exit_,
            "kept": kept / 100,
            "train_loss": 1 / kept,
            "test_accuracy": 0.9,
        }
        for seed in (0, 1)
        for kept in (100, 50, 2)
        for exit_ in (0, 1)
    ]
    losses, accuracies = draw(pd.DataFrame(rows), 0.1).axes
    assert np.array_equal(losses.lines[0].get_xydata(), [(0.02, 0.5), (0.5, 0.02), (1.0, 0.01)])
    assert [line.get_label() for line in losses.lines] == ["exit 0", "classifier"]
    assert np.all(np.asarray(accuracies.lines[-1].get_ydata()) == 0.1)  # guessing


def test_norms_do_not_decay_and_all_else_does(build: Build) -> None:
    network, decay = build(8, (1,), num_classes=10), 0.1
    optimiser = torch.optim.SGD(network.parameters(), 0.5, weight_decay=decay)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    NoDecayOfNorms(decay).after_backward(network)
    optimiser.step()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(parameter, before[name] * (1 if parameter.dim() == 1 else 1 - 0.5 * decay))


def test_averaged_weights_are_their_mean_over_steps(build: Build) -> None:
    network, averaged = build(8, (1,), num_classes=10), Averaged(0.75)
    weight = next(network.parameters())
    with averaged.during(network):
        for value in (4.0, 8.0):
            torch.nn.init.constant_(weight, value)
            averaged.after_step(network, {})
    assert torch.equal(weight, torch.full_like(weight, 5.0))


def test_images_are_halved_until_half_of_the_epochs_are_over(build: Build) -> None:
    network, seen, small = build(8, (1,), num_classes=10), [], SmallFirst(2)
    first = next(module for module in network.base.modules() if isinstance(module, torch.nn.Conv2d))
    with small.during(network):
        first.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[-1]))
        for epoch in (1, 2):
            network(torch.zeros(2, 1, 16, 16), "base")
            small.after_epoch(network, epoch)
    assert seen == [8, 16]


def test_networks_that_cannot_be_timed_are_refused_before_any_training() -> None:
    with pytest.raises(BadInput, match=r"shufflenet_v2_x0_5 is not made of blocks .* exitprune export CHECKPOINT"):
        checked("cifar10-shufflenet")
    assert checked("digits")[0].study == "digits"


def test_methods_that_keep_the_same_in_every_layer_do_not_act(tmp_path: Path) -> None:
    made = read_about(write_study(tmp_path, seeds=(0,), recipes=("joint",), rounds=1)[1][0])
    other = made.model_copy(update={"layers": [made.layers[0].model_copy(update={"kept": 1}), *made.layers[1:]]})
    one, two = {"digits-methods": made, "digits-methods-90": other}, made
    networks = {(study, name): two for study in one for name in ("0-oneshot-sequential", "0-epi-joint")}
    networks |= {(study, "0-patience-sequential"): about for study, about in one.items()}
    networks |= {(study, "0-pruner-joint"): about for study, about in one.items()}
    assert (acts.patience(networks), acts.pruner(networks)) == ([False, True], [True])
    assert acts.epi(networks) == [True, True]
    still = made.model_copy(update={"levels": [made.levels[0], made.levels[1], made.levels[1]]})
    assert acts.epi({("digits-methods", "0-epi-joint"): still}) == [False]
